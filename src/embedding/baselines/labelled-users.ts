import type { Indicators } from "./token-indicators.ts";

/** Users whose segment is known, for a model to be fitted on. */
export type LabelledUsers = Readonly<{
  indicators: Indicators;
  segments: number;
  /** Segment of each user of the indicators, -1 without one; shape [users]. */
  labels: Int16Array;
  /** The users to fit on, each with a segment. */
  members: readonly number[];
}>;

/** Logarithm of each segment's share, each credited with one more member: a segment without any is rare, not impossible. */
export function logPriorOf({ labels, members, segments }: LabelledUsers): Float64Array {
  const counts = new Float64Array(segments).fill(1);
  for (const u of members) counts[labels[u]!]!++;
  const total = members.length + segments;
  return counts.map((count) => Math.log(count / total));
}
