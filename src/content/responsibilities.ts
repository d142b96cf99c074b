/**
 * How much of an outcome each segment answers for: the posterior over segments before the outcome, times the weight of
 * whoever it is. Kept beside the impression, so that what is taken back later is what was added.
 */
export type Responsibilities = Readonly<{
  segments: readonly string[];
  /** In (0, 1], as float32 holds them; those of the other segments are left out. */
  shares: readonly number[];
}>;

/** Segments that answer for one outcome at most, and the least share of one that does. */
const SEGMENTS_MAX = 8;
const SHARE_MIN = 0.01;
/** An anonymous visitor's outcome counts half, or guesses would confirm themselves (METHODS 3.1). */
const ANONYMOUS_WEIGHT = 0.5;

/** Those of a member: their segment answers for all of it. */
export function memberResponsibilities(segment: string): Responsibilities {
  return { segments: [segment], shares: [1] };
}

/**
 * Those of an anonymous visitor.
 *
 * @param probabilities - Before the outcome; shape [segments] or [segments + 1] with "none" last, which no segment answers for.
 */
export function anonymousResponsibilities(
  segments: readonly string[],
  probabilities: Float64Array,
): Responsibilities {
  const likely = segments
    .map((segment, k) => ({ segment, k, share: probabilities[k]! }))
    .filter(({ share }) => share >= SHARE_MIN)
    .sort((one, other) => other.share - one.share || one.k - other.k)
    .slice(0, SEGMENTS_MAX);
  return {
    segments: likely.map(({ segment }) => segment),
    shares: likely.map(({ share }) => Math.fround(ANONYMOUS_WEIGHT * share)),
  };
}
