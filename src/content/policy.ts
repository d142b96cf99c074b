/** Names of the ways to choose, best first; docs/content.md says when each is of use. */
export const POLICY_NAMES = ["mixture", "greedy", "segment", "popularity", "overall", "shuffled"] as const;

export type PolicyName = (typeof POLICY_NAMES)[number];

/** What a policy is made of. All of them are one choice with other parts, so that they are compared like with like. */
export type Policy = Readonly<{
  /**
   * Whose distribution over segments: the user's posterior; the same prior for all (the best that is not personal); the
   * user's with the segments exchanged (a placebo); or nobody's, that is the rate over all users.
   */
  over: "posterior" | "prior" | "shuffled" | "nobody";
  /** Rates drawn from their posteriors (Thompson sampling), or their means. */
  rates: "drawn" | "mean";
  /** The rates are averaged over the segments, or one segment is drawn. */
  segments: "averaged" | "drawn";
}>;

export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  /** Mixture Thompson sampling (METHODS 3.4). */
  mixture: { over: "posterior", rates: "drawn", segments: "averaged" },
  greedy: { over: "posterior", rates: "mean", segments: "averaged" },
  /** Segment-sampled Thompson sampling. */
  segment: { over: "posterior", rates: "drawn", segments: "drawn" },
  popularity: { over: "nobody", rates: "mean", segments: "averaged" },
  overall: { over: "prior", rates: "drawn", segments: "averaged" },
  shuffled: { over: "shuffled", rates: "drawn", segments: "averaged" },
};
