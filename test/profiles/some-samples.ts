import { GRID, type Sample } from "../../src/profiles/sample.ts";
import type { MapPrivacy, SegmentMap } from "../../src/resonance/segment-map.ts";

export const DAY_MS = 86_400_000;
/** An event time in the middle of a day. */
export const NOON_MS = 20_000 * DAY_MS + DAY_MS / 2;

/** A map with the segments `new` and `loyal` and a window of a week, by day. */
export function aMap(given: Partial<SegmentMap> = {}): SegmentMap {
  return {
    name: "life",
    mode: "exclusive",
    segments: [{ name: "new" }, { name: "loyal" }],
    window: { bucketMs: DAY_MS, buckets: 7 },
    threshold: { enter: 0.5, minEvidence: 1 },
    ...given,
  };
}

/** A week's promise of epsilon 1, that shows whoever there is. */
export function aPrivacy(given: Partial<MapPrivacy> = {}): MapPrivacy {
  const budget = { epsilon: 1, delta: 1e-6, contributions: 3, versions: 2 };
  return { ...budget, minMembers: 1, graceMs: 0, closedBy: "clock", ...given };
}

/** A sample of `ada`, who is `new`; `vector` in units of the grid. */
export function aSample(
  given: Partial<Omit<Sample, "vector">> & { vector?: readonly number[] } = {},
): Sample {
  const { vector = [100, -200, 300], ...rest } = given;
  return {
    sequence: 1,
    index: 0,
    user: "ada",
    encoder: "e1",
    tsMs: NOON_MS,
    labels: { life: "new" },
    vector: quantised(vector),
    ...rest,
  };
}

/** int16, little-endian. */
export function quantised(vector: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(vector.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of vector.entries()) view.setInt16(i * 2, value, true);
  return bytes;
}

/** The centroid of vectors on the grid. */
export function centroidOf(...vectors: readonly (readonly number[])[]): number[] {
  const [first = []] = vectors;
  return first.map((_, i) =>
    Math.fround((vectors.reduce((sum, vector) => sum + (vector[i] ?? 0), 0) / vectors.length) * GRID),
  );
}
