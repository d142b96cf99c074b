import type { BenchOptions } from "./bench-options.ts";
import type { Sizes } from "./scenario.ts";

/** Sizes of a run: as asked for, else full, or tiny for a smoke test. */
export function sizesOf(options: BenchOptions): Sizes {
  const { events, durationMs } = options;
  const full: Sizes = {
    rounds: options.rounds,
    preparedEvents: 100_000,
    drainEvents: events ?? 300_000,
    ingestEvents: events ?? 60_000,
    peerEvents: events ?? 200_000,
    growthEvents: events ?? 150_000,
    users: options.users ?? 1_000_000,
    warmUpMs: 1_000,
    warmNodeMs: 5_000,
    durationMs: durationMs ?? 4_000,
  };
  if (!options.smoke) return full;
  return {
    rounds: 1,
    preparedEvents: 3_000,
    drainEvents: events ?? 2_000,
    ingestEvents: events ?? 1_000,
    peerEvents: events ?? 2_000,
    growthEvents: events ?? 2_000,
    users: options.users ?? 2_000,
    warmUpMs: 200,
    warmNodeMs: 200,
    durationMs: durationMs ?? 500,
  };
}
