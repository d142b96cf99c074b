import type { PeerRelease } from "./peer-fold.ts";

/** What a worker is started with. */
export type WorkerSetup = Readonly<{
  host: string;
  port: number;
  partition: number;
  /** Entries read at a time. */
  batchEvents: number;
  /** Contexts kept between batches; 0 reads each batch's users from Redis. */
  cacheUsers: number;
  release: PeerRelease;
}>;

/** What a worker is asked: to tell what it measured since it was asked last, or to end. */
export type WorkerOrder = Readonly<{ kind: "report" } | { kind: "stop" }>;

/** What a worker measured. */
export type WorkerReport = Readonly<{
  kind: "report";
  /** From the time at which each event was due until its state was committed. */
  latenciesMs: Float64Array;
  /** Events that came again, since it started. */
  repeats: number;
  transitions: number;
  residentBytes: number;
}>;

/** What a worker tells by itself: `events` are those committed since it started, at `atMs` of the monotonic clock. */
export type WorkerNews =
  | Readonly<{ kind: "ready" }>
  | Readonly<{ kind: "progress"; events: number; atMs: number }>
  | Readonly<{ kind: "failed"; message: string }>
  | WorkerReport;
