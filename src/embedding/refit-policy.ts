/** When an encoder is worth fitting again. */
export type RefitPolicy = Readonly<{
  /** Members of all maps together before the first fit. */
  firstMembers: number;
  /** Members that each of at least two segments of a map needs before the first fit. */
  membersPerSegment: number;
  /** The next fit comes when the members have grown by this factor, > 1. */
  growth: number;
}>;

export const DEFAULT_REFIT_POLICY: RefitPolicy = { firstMembers: 100, membersPerSegment: 10, growth: 1.25 };

/** Members by segment for each map, and how many there were at the last fit (0 before the first). */
export type FitState = Readonly<{
  membersBySegment: Readonly<Record<string, Readonly<Record<string, number>>>>;
  fittedMembers: number;
}>;

/** Whether members have grown enough since the last fit that a new encoder should be fitted. */
export function shouldFit(state: FitState, policy: RefitPolicy): boolean {
  const maps = Object.values(state.membersBySegment).map((segments) => Object.values(segments));
  const separable = maps.some(
    (segments) => segments.filter((count) => count >= policy.membersPerSegment).length >= 2,
  );
  const members = largestMap(maps);
  if (!separable || members < policy.firstMembers) return false;
  return state.fittedMembers === 0 || members >= state.fittedMembers * policy.growth;
}

/** Members of the map that has most: what a fit can learn from. */
export function memberCount(membersBySegment: FitState["membersBySegment"]): number {
  return largestMap(Object.values(membersBySegment).map((segments) => Object.values(segments)));
}

function largestMap(maps: readonly (readonly number[])[]): number {
  return Math.max(0, ...maps.map((segments) => segments.reduce((sum, count) => sum + count, 0)));
}
