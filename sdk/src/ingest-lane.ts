import type { IngestCall } from "./ingest-call.ts";
import type { TraceFields } from "./propagation.ts";

/** An event as it waits to be sent. */
export type QueuedEvent = {
  readonly id: string;
  /** Its place in its call. */
  readonly index: number;
  /** Written when it was handed over: what its owner does with the object afterwards does not matter. */
  readonly json: string;
  readonly sizeBytes: number;
  readonly call: IngestCall;
  readonly trace: TraceFields | undefined;
  readonly lane: number;
  readonly sinceMs: number;
  /** How often the engine failed at it, and at nothing beside it. */
  failures: number;
};

/** Events of some users in their order, of which one request at a time is under way. */
export class IngestLane {
  isBusy = false;
  /** Stops the wait for company, if one is under way. */
  timer: (() => void) | undefined;
  /** Requests that failed, one after another. */
  failures = 0;
  bytes = 0;
  readonly #queue: QueuedEvent[] = [];
  /** Those before this place have left: an array that is shifted for each event would be copied for each. */
  #first = 0;
  /** Events of the next request, at most. */
  #limit = Number.POSITIVE_INFINITY;

  get events(): number {
    return this.#queue.length - this.#first;
  }

  get isEmpty(): boolean {
    return this.events === 0;
  }

  push(event: QueuedEvent): void {
    this.#queue.push(event);
    this.bytes += event.sizeBytes;
  }

  /** The events of the next request. */
  take({ batchEvents, batchBytes }: Readonly<{ batchEvents: number; batchBytes: number }>): QueuedEvent[] {
    const most = Math.min(batchEvents, this.#limit);
    const batch: QueuedEvent[] = [];
    let bytes = 0;
    for (let event = this.#queue[this.#first]; event !== undefined; event = this.#queue[this.#first]) {
      if (batch.length === most || (batch.length > 0 && bytes + event.sizeBytes > batchBytes)) break;
      batch.push(event);
      bytes += event.sizeBytes;
      this.#first++;
    }
    if (this.#first > this.#queue.length / 2) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    this.bytes -= bytes;
    return batch;
  }

  /** Events that are to be sent before all others. */
  putBack(events: readonly QueuedEvent[]): void {
    this.#queue.splice(0, this.#first, ...events);
    this.#first = 0;
    for (const { sizeBytes } of events) this.bytes += sizeBytes;
  }

  /** A request of so many events was too large: the next ones have half. */
  shrink(events: number): void {
    this.#limit = Math.max(1, Math.floor(events / 2));
  }

  /** A request went through: the next one may be larger again, up to `most` events. */
  wentThrough(most: number): void {
    this.#limit = this.#limit * 2 < most ? this.#limit * 2 : Number.POSITIVE_INFINITY;
  }
}
