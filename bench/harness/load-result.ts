import { LatencyRecorder } from "./latency-recorder.ts";
import type { LoadResult } from "./load-tasks.ts";

/** A request without an answer has failed after this long. */
export const PATIENCE_MS = 10_000;

/** The machine's clock with fractions of a millisecond, comparable between processes. */
export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Gathers what a load process finds while it runs. */
export class LoadRecorder {
  readonly latency = new LatencyRecorder();
  readonly late = new LatencyRecorder();
  failed = 0;
  lastFailure: Uint8Array = new Uint8Array();
  lastReply: Uint8Array = new Uint8Array();
  #count = 0;
  #beganMs = preciseNowMs();
  #cpuBefore = process.cpuUsage();
  readonly #seconds: { second: number; count: number; latency: LatencyRecorder }[] = [];

  /** From now on it counts: what was before was the warm-up. */
  begin(): void {
    this.latency.reset();
    this.late.reset();
    this.#seconds.length = 0;
    this.#count = 0;
    this.failed = 0;
    this.#beganMs = preciseNowMs();
    this.#cpuBefore = process.cpuUsage();
  }

  /** A request has ended. One that failed counts as if it had been waited for until patience ended: no fast error helps. */
  answered(tookMs: number, isGood: boolean): void {
    this.#count++;
    if (!isGood) this.failed++;
    const latencyMs = isGood ? tookMs : Math.max(tookMs, PATIENCE_MS);
    this.latency.record(latencyMs);
    const second = Math.floor((preciseNowMs() - this.#beganMs) / 1_000);
    let last = this.#seconds.at(-1);
    if (last?.second !== second) {
      last = { second, count: 0, latency: new LatencyRecorder() };
      this.#seconds.push(last);
    }
    last.count++;
    last.latency.record(latencyMs);
  }

  /** @param endedMs - When the last one counted was answered. */
  result(endedMs = preciseNowMs()): LoadResult {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return {
      cores: (user + system) / 1_000 / Math.max(1, endedMs - this.#beganMs),
      count: this.#count,
      failed: this.failed,
      beganMs: this.#beganMs,
      endedMs,
      latency: this.latency.summary(),
      late: this.late.summary(),
      bySecond: this.#seconds.map(({ second, count, latency }) => ({
        second,
        count,
        p99Ms: latency.summary().p99Ms,
      })),
      lastFailure: Uint8Array.from(this.lastFailure),
      lastReply: Uint8Array.from(this.lastReply),
    };
  }
}

/** A result of messages that were moved, without single latencies. */
export function movedResult(count: number, beganMs: number, endedMs: number): LoadResult {
  return { ...new LoadRecorder().result(endedMs), count, beganMs };
}
