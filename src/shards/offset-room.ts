import type { Scorer } from "../resonance/scorer.ts";

/** Room for what one user's log prior of a map differs from everybody's by. */
export type OffsetRoom = Readonly<{
  /** Shape [segments + 1], "none" last. */
  offsets: Float64Array;
  /** Place of each segment. */
  places: ReadonlyMap<string, number>;
}>;

/** Room for the offsets of a scorer's map. */
export function newOffsetRoom({ segments }: Pick<Scorer, "segments">): OffsetRoom {
  return {
    offsets: new Float64Array(segments.length + 1),
    places: new Map(segments.map((segment, k) => [segment, k])),
  };
}
