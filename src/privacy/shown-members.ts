import { COUNT_WEIGHT } from "./contribution.ts";

/** Standard errors that the noisy count must lie above what is asked for: one side, 1 in 100. */
const Z = 2.326;

/** When enough members stand behind a segment's profile to show it. */
export type MembersRule = Readonly<{
  /** Members that are proven before anything is shown. */
  minMembers: number;
  /** Buckets of the window to which one member may have contributed. */
  contributions: number;
  /** Standard deviation of the count coordinate of the window's sum, in units of contributions' length. */
  countNoise: number;
}>;

/**
 * Contributions that a noisy count must show: one member makes `contributions` of them at most, so that many times
 * `minMembers` are so many distinct members, and beyond that the count's own noise.
 */
export function leastCount({ minMembers, contributions, countNoise }: MembersRule): number {
  return contributions * minMembers + (Z * countNoise) / COUNT_WEIGHT;
}

/**
 * Whether a segment's profile is shown. One that is, stays until the count falls a standard error below the limit, so that it
 * does not come and go with the noise.
 *
 * @param count - Contributions by the noisy count.
 */
export function isShown(count: number, wasShown: boolean, rule: MembersRule): boolean {
  return count >= leastCount(rule) - (wasShown ? rule.countNoise / COUNT_WEIGHT : 0);
}
