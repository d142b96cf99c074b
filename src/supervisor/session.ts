/**
 * Until when this node may act on what it holds. Threads of the node read it, so it lies in memory that they share.
 */
export interface SessionDeadline {
  /** Begins a new session, which nothing is held under yet. @returns Its number; leases of earlier ones end. */
  begin(): number;
  /** Lets the leases of a session last until a time of the monotonic clock, ms. */
  extend(session: number, untilMs: number): void;
  /** Whether the session's leases are held at a time of the monotonic clock, ms. */
  isHeld(session: number, nowMs: number): boolean;
}

/** A deadline that only one thread reads: for simulation and tests. */
export function localDeadline(): SessionDeadline {
  let current = 0;
  let heldUntilMs = Number.NEGATIVE_INFINITY;
  return {
    begin() {
      heldUntilMs = Number.NEGATIVE_INFINITY;
      return ++current;
    },
    extend(session, untilMs) {
      if (session === current) heldUntilMs = untilMs;
    },
    isHeld: (session, nowMs) => session === current && nowMs < heldUntilMs,
  };
}
