import { RATES } from "./rates-tally.ts";
import type { TallyKind } from "./tally.ts";

/** Every kind of sums over shards that this build keeps. */
export const TALLIES: readonly TallyKind[] = [RATES];
