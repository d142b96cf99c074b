/** Where the time comes from. Core code is handed one; only `src/adapters` reads the machine's. */
export interface Clock {
  /** Wall-clock time in epoch milliseconds. */
  nowMs(): number;
  /** Monotonic time in milliseconds; only differences mean anything. */
  monotonicMs(): number;
}
