/**
 * How much of an outcome each segment answers for: the posterior over segments before the outcome, times the weight of
 * whoever it is. Kept beside the impression, so that what is taken back later is what was added.
 */
export type Responsibilities = Readonly<{
  segments: readonly string[];
  /** In (0, 1], as float32 holds them; those of the other segments are left out. */
  shares: readonly number[];
}>;

/** Segments that answer for one outcome at most, and the least probability of one that does. */
const SEGMENTS_MAX = 8;
const PROBABILITY_MIN = 0.05;

/** Those of a member: their segment answers for all of it. */
export function memberResponsibilities(segment: string): Responsibilities {
  return { segments: [segment], shares: [1] };
}

/**
 * Those of an anonymous visitor: the square of each probability. An outcome of somebody who may be anybody says what the mean of
 * all segments does; counted by probability alone (METHODS 3.1, weight 0.5) it draws the rates of all segments together, so
 * that clicks tell less of who clicked. Like there, guesses can't confirm themselves: an even one counts a quarter.
 *
 * @param probabilities - Before the outcome; shape [segments] or [segments + 1] with "none" last, which no segment answers for.
 */
export function anonymousResponsibilities(
  segments: readonly string[],
  probabilities: Float64Array,
): Responsibilities {
  const likely = segments
    .map((segment, k) => ({ segment, k, probability: probabilities[k]! }))
    .filter(({ probability }) => probability >= PROBABILITY_MIN)
    .sort((one, other) => other.probability - one.probability || one.k - other.k)
    .slice(0, SEGMENTS_MAX);
  return {
    segments: likely.map(({ segment }) => segment),
    shares: likely.map(({ probability }) => Math.fround(probability * probability)),
  };
}
