import type { Arrival } from "../features/arrival.ts";

/** How members looked to an encoder and profiles that never saw them, in one map. */
export type HeldOutScores = Readonly<{
  segments: number;
  mode: "exclusive" | "independent";
  /** Shape [samples, segments]: centred cosines to the profiles. */
  similarities: Float64Array;
  /** Effective events; shape [samples]. */
  evidence: Float64Array;
  /** Segment, or -1 for a background user; shape [samples]. */
  labels: Int16Array;
  /** Whose sample it is, so that a user with many counts once; shape [samples]. */
  users: Uint32Array;
  /** Shape [samples, segments + 1]: the scorer's log prior; "none" last. */
  logPriors: Float64Array;
  /** How users came, where that is known. */
  arrivals?: ReadonlyMap<number, Arrival>;
  /**
   * Shape [samples, segments + 1]: what each sample's log prior differs from everybody's by, as a context told by the others says.
   * Left out where nothing does.
   */
  offsets?: Float64Array;
}>;
