/** The consumer group that all workers are of. */
export const GROUP = "peer";
/** The stream of who started or stopped to resonate. */
export const TRANSITIONS = "peer:transitions";

/** The stream of a partition's events: field `d` is a log entry, `t` the monotonic time at which it was due, if told. */
export function streamKey(partition: number): string {
  return `peer:events:${partition}`;
}

/**
 * The hash of a partition's users, user to state. One hash a partition, not a key a user: a batch is one HMGET and one
 * HSET, and a user takes less memory.
 */
export function contextsKey(partition: number): string {
  return `peer:contexts:${partition}`;
}

/** The machine's monotonic clock, which all processes share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
