import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../adapters/system-clock.ts";
import type { Client } from "../client.ts";
import { ingest } from "../ingest-pump.ts";
import { Latencies, type LatencySummary } from "../latencies.ts";
import { readEventsFile } from "../read-events-file.ts";
import type { ReplayState } from "./replay-state.ts";

/** How a file is replayed. */
export type ReplayOptions = Readonly<{
  path: string;
  /** Event time by wall time: 60 replays an hour in a minute; null as fast as the log takes it. */
  speed: number | null;
  batch: number;
  inFlight: number;
  /** Scores asked a second meanwhile, of users just sent; 0 for none. */
  probesPerSecond: number;
}>;

/** What a replay did; `lines` counts from the file's start, the rest from this run. */
export type ReplayResult = Readonly<{
  lines: number;
  resumedAtLine: number;
  accepted: number;
  refused: Readonly<Record<string, number>>;
  seconds: number;
  eventsPerSecond: number;
  scoreLatencyMs: LatencySummary;
}>;

/** What a replay tells while it runs. */
export type ReplayProgress = Readonly<{ accepted: number; bytesRead: number; bytesTotal: number | null }>;

type Batch = { readonly events: unknown[]; readonly firstLine: number };

/**
 * Sends a file of events to the engine, in the file's order. What the log has stored is written to `state`, so that
 * a replay that was interrupted goes on where it was; events sent twice at the seam have no effect.
 *
 * @throws EngineError when the engine can't be reached for longer than the retries last.
 */
export async function replayFile(
  client: Client,
  options: ReplayOptions,
  state: ReplayState,
  progress: (now: ReplayProgress) => void,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const file = await readEventsFile(options.path);
  const resumedAtLine = state.line;
  const refused: Record<string, number> = {};
  const scoreLatency = new Latencies();
  const inFlight = new Set<Promise<void>>();
  const unfinished = new Set<Batch>();
  let accepted = 0;
  let lines = resumedAtLine;
  let failure: unknown;
  let lastUser: string | undefined;
  const beganMs = systemClock.monotonicMs();
  let firstTsMs: number | undefined;

  const count = (code: string): void => {
    refused[code] = (refused[code] ?? 0) + 1;
  };
  const send = async (batch: Batch): Promise<void> => {
    const reply = await ingest(client, batch.events);
    accepted += reply.accepted;
    for (const refusal of reply.refused) count(refusal.code);
  };
  // Everything before the oldest batch under way is stored: that is where another run may go on.
  let dispatchedLine = resumedAtLine;
  const storedUpTo = (): number => {
    const [oldest] = unfinished;
    return oldest === undefined ? dispatchedLine : oldest.firstLine - 1;
  };
  const dispatch = async (batch: Batch, lastLine: number): Promise<void> => {
    while (inFlight.size >= options.inFlight) await Promise.race(inFlight);
    if (failure !== undefined) throw failure;
    unfinished.add(batch);
    dispatchedLine = lastLine;
    const request = send(batch).then(
      () => void unfinished.delete(batch),
      (thrown: unknown) => {
        failure = thrown;
      },
    );
    inFlight.add(request);
    void request.finally(() => inFlight.delete(request));
    await state.advance(storedUpTo());
  };

  const keepPace = async (event: unknown, speed: number, flush: () => Promise<void>): Promise<void> => {
    const tsMs = timeOf(event);
    if (tsMs === undefined) return;
    firstTsMs ??= tsMs;
    const waitMs = beganMs + (tsMs - firstTsMs) / speed - systemClock.monotonicMs();
    if (waitMs <= 1) return;
    await flush(); // What came before is due: it must not wait for what is not.
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  };

  const probes = new AbortController();
  const probing =
    options.probesPerSecond > 0
      ? probe(client, options.probesPerSecond, () => lastUser, scoreLatency, probes.signal)
      : undefined;
  try {
    let batch: Batch = { events: [], firstLine: resumedAtLine + 1 };
    const flush = async (): Promise<void> => {
      if (batch.events.length > 0) await dispatch(batch, lines);
      batch = { events: [], firstLine: lines + 1 };
    };
    for await (const record of file) {
      if (signal.aborted) break;
      if (record.line <= resumedAtLine) continue;
      if (record.kind === "event" && options.speed !== null)
        await keepPace(record.value, options.speed, flush);
      lines = record.line;
      if (record.kind === "bad") {
        count(record.code);
        continue;
      }
      batch.events.push(record.value);
      lastUser = userOf(record.value) ?? lastUser;
      if (batch.events.length < options.batch) continue;
      await flush();
      progress({ accepted, bytesRead: file.readBytes, bytesTotal: file.sizeBytes });
    }
    await flush();
    await Promise.all(inFlight);
    if (failure !== undefined) throw failure;
  } finally {
    await Promise.allSettled(inFlight);
    await state.advance(storedUpTo(), true);
    probes.abort();
    await probing;
  }
  const seconds = (systemClock.monotonicMs() - beganMs) / 1_000;
  return {
    lines,
    resumedAtLine,
    accepted,
    refused,
    seconds,
    eventsPerSecond: Math.round(accepted / Math.max(seconds, 1e-3)),
    scoreLatencyMs: scoreLatency.summary(),
  };
}

function userOf(event: unknown): string | undefined {
  const user = (event as { user?: unknown } | null)?.user;
  return typeof user === "string" ? user : undefined;
}

function timeOf(event: unknown): number | undefined {
  const ts = (event as { ts?: unknown } | null)?.ts;
  const tsMs = typeof ts === "string" ? Date.parse(ts) : ts;
  return typeof tsMs === "number" && Number.isFinite(tsMs) ? tsMs : undefined;
}

async function probe(
  client: Client,
  perSecond: number,
  user: () => string | undefined,
  into: Latencies,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const whom = user();
    const beganMs = systemClock.monotonicMs();
    if (whom !== undefined) {
      const answered = await client.ask("score", { user: whom }).then(
        () => true,
        () => false, // A failed question has no latency; the replay itself tells of trouble.
      );
      if (answered) into.record(systemClock.monotonicMs() - beganMs);
    }
    await sleep(1_000 / perSecond, undefined, { signal }).catch(() => {});
  }
}
