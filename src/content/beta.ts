import { betaQuantile } from "../kernel/incomplete-beta.ts";

/** A posterior of a rate, Beta(a, b): a - 1 and b - 1 are about the successes and failures behind it. Both > 0. */
export type Beta = Readonly<{ a: number; b: number }>;

/** What a hierarchy of rates rests on. */
export type RatePrior = Readonly<{
  /** A placement of which nothing is known, in (0, 1). */
  rate: number;
  /** Outcomes that each level is worth to the level below it, > 0 (METHODS 3.1: m0). */
  strength: number;
}>;

export const RATE_PRIOR: RatePrior = { rate: 0.05, strength: 20 };

/** The posterior after some successes in some trials, both decayed sums, above a level whose rate is `rate`. */
export function betaAbove(rate: number, strength: number, successes: number, trials: number): Beta {
  // Sums that lost an impression, but not its click, must not leave the domain.
  const hits = Math.max(0, successes);
  return { a: strength * rate + hits, b: strength * (1 - rate) + Math.max(0, trials - hits) };
}

export function betaMean({ a, b }: Beta): number {
  return a / (a + b);
}

/** The middle `level` of a posterior: as much probability lies below it as above. */
export function credibleInterval({ a, b }: Beta, level = 0.95): readonly [low: number, high: number] {
  return [betaQuantile((1 - level) / 2, a, b), betaQuantile((1 + level) / 2, a, b)];
}
