import type { Placement } from "../embedding/vector-kernels.ts";
import type { Calibration } from "./published-profiles.ts";

/** What of a scorer does not change from score to score. */
type Placed = Readonly<{
  segments: readonly string[];
  dim: number;
  directions: Float32Array;
  logPrior: Float64Array;
  calibration: Calibration;
}>;

/** Where the kernel `score` finds what, in float64 from the place; its source tells the arrays apart. */
type ScorerLayout = Readonly<{
  similarities: number;
  z: number;
  intercepts: number;
  logPriors: number;
  directions: number;
  end: number;
}>;

/** Segments with zeros up to the multiple of eight that has room for "none" too. */
export function lanesOf(segments: number): number {
  return (segments + 8) & ~7;
}

/** A length made even: two numbers are worked on at once. */
export function evenLength(numbers: number): number {
  return (numbers + 1) & ~1;
}

function layoutOf({ segments, dim }: Placed): ScorerLayout {
  const lanes = lanesOf(segments.length);
  const intercepts = 2 * lanes + evenLength(dim);
  const directions = intercepts + 2 * lanes;
  const tiles = (segments.length + 7) >> 3;
  return {
    similarities: lanes,
    z: 2 * lanes,
    intercepts,
    logPriors: intercepts + lanes,
    directions,
    end: directions + 8 * tiles * dim,
  };
}

/** A scorer in the kernels' memory: eight segments side by side, and a last one that is "none". */
export const SCORER_PLACEMENT: Placement<Placed> = {
  sizeBytes: (scorer) => 8 * layoutOf(scorer).end,
  write(scorer, at, { float64 }) {
    const { segments, dim, directions, calibration, logPrior } = scorer;
    const layout = layoutOf(scorer);
    const to = float64.subarray(at / 8, at / 8 + layout.end).fill(0);
    const count = segments.length;
    for (let k = 0; k < count; k++) {
      to[layout.intercepts + k] = calibration.intercepts[k]!;
      const column = layout.directions + (k >> 3) * 8 * dim + (k & 7);
      for (let i = 0; i < dim; i++) to[column + 8 * i] = directions[k * dim + i]!;
    }
    to[layout.intercepts + count] = calibration.noneIntercept;
    to.fill(Number.NEGATIVE_INFINITY, layout.logPriors, layout.directions); // What is not there has no share.
    to.set(logPrior.subarray(0, count + 1), layout.logPriors);
  },
};
