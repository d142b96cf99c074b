import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import { placeOn, type SegmentPlane, segmentPlane } from "../../src/resonance/segment-plane.ts";

const NEAR = 1e-4; // Of float32, over a few hundred sums.

function published(centroids: readonly (readonly number[] | null)[], dim: number): PublishedProfiles {
  const segments = centroids.map((_, k) => `s${k}`);
  return {
    ...{ map: "life", mode: "exclusive", version: 1, encoder: "e", dim, watermarkMs: 0, background: 0 },
    profiles: centroids.map((centroid, k) => ({
      segment: segments[k] ?? "",
      members: centroid === null ? 0 : 10,
      centroid: Float32Array.from(centroid ?? new Array(dim).fill(0)),
    })),
    calibration: defaultCalibration("e", "life", segments.length),
    threshold: { enter: 0.5, minEvidence: 1 },
  };
}

const component = fc.double({ min: -1, max: 1, noNaN: true });
const someCentroids = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 9 }))
  .chain(([dim, segments]) =>
    fc.record({
      dim: fc.constant(dim),
      centroids: fc.array(fc.array(component, { minLength: dim, maxLength: dim }), {
        minLength: segments,
        maxLength: segments,
      }),
    }),
  );

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (x, i) => x * (b[i] ?? 0)).reduce((sum, x) => sum + x, 0);
const place = (plane: SegmentPlane, embedding: readonly number[]): [number, number] => {
  const out = new Float32Array(2);
  placeOn(plane, Float32Array.from(embedding), out, 0);
  return [out[0] ?? 0, out[1] ?? 0];
};
const apart = (a: SegmentPlane, b: SegmentPlane): number =>
  a.segments.reduce((sum, { place: one }, k) => {
    const other = b.segments[k]?.place;
    return one && other ? sum + (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 : sum;
  }, 0);

test("the axes are orthonormal, also where the segments are on one line or in one point", () => {
  const holds = ({ axes, dim }: SegmentPlane) => {
    const [x, y] = [axes.subarray(0, dim), axes.subarray(dim)];
    expect(dot(x, x)).toBeCloseTo(1, 4);
    expect(dot(y, y)).toBeCloseTo(1, 4);
    expect(Math.abs(dot(x, y))).toBeLessThan(NEAR);
  };
  fc.assert(
    fc.property(someCentroids, ({ centroids, dim }) => holds(segmentPlane(published(centroids, dim)))),
  );
  holds(segmentPlane(published([[0.5, 0, 0]], 3)));
  holds(
    segmentPlane(
      published(
        [
          [0.5, 0, 0],
          [0, 0.5, 0],
        ],
        3,
      ),
    ),
  );
  holds(segmentPlane(published([null, null], 3)));
});

test("whoever behaves as a segment does on average has its place", () => {
  fc.assert(
    fc.property(someCentroids, ({ centroids, dim }) => {
      const plane = segmentPlane(published(centroids, dim));
      for (const [k, centroid] of centroids.entries()) {
        const [x, y] = place(plane, centroid);
        expect(x).toBeCloseTo(plane.segments[k]?.place?.[0] ?? Number.NaN, 3);
        expect(y).toBeCloseTo(plane.segments[k]?.place?.[1] ?? Number.NaN, 3);
      }
    }),
  );
});

test("nobody is further out than 1, and what the plane shows is a share", () => {
  fc.assert(
    fc.property(someCentroids, fc.array(component, { minLength: 6, maxLength: 6 }), (given, embedding) => {
      const plane = segmentPlane(published(given.centroids, given.dim));
      expect(Math.hypot(...place(plane, embedding.slice(0, given.dim)))).toBeLessThan(1 + NEAR);
      expect(plane.shown).toBeGreaterThanOrEqual(0);
      expect(plane.shown).toBeLessThanOrEqual(1);
    }),
  );
});

test("three segments are in one plane, which shows all that sets them apart; four in space are not", () => {
  expect(
    segmentPlane(
      published(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        3,
      ),
    ).shown,
  ).toBeCloseTo(1, 6);
  const corners = [
    [1, 1, 1],
    [1, -1, -1],
    [-1, 1, -1],
    [-1, -1, 1],
  ];
  expect(segmentPlane(published(corners, 3)).shown).toBeCloseTo(2 / 3, 6);
});

test("no other plane shows more: none through two of the embedding's coordinates does", () => {
  fc.assert(
    fc.property(someCentroids, ({ centroids, dim }) => {
      const given = published(centroids, dim);
      const { segments, center } = segmentPlane(given);
      const seen = segments.reduce((sum, { place: at }) => sum + (at ? at[0] ** 2 + at[1] ** 2 : 0), 0);
      const units = centroids.map((centroid) => {
        const z = centroid.map((x, i) => Math.fround(x) - (center[i] ?? 0));
        const length = Math.hypot(...z);
        return z.map((x) => (length > 1e-9 ? x / length : 0));
      });
      for (let i = 0; i < dim; i++)
        for (let j = i + 1; j < dim; j++) {
          const other = units.reduce((sum, unit) => sum + (unit[i] ?? 0) ** 2 + (unit[j] ?? 0) ** 2, 0);
          expect(seen).toBeGreaterThan(other - NEAR * 10);
        }
    }),
  );
});

test("new profiles do not turn or mirror the picture: the segments stay as near as can be to where they were", () => {
  const moved = fc.tuple(someCentroids, fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }), fc.boolean());
  fc.assert(
    fc.property(moved, ([{ centroids, dim }, angle, isMirrored]) => {
      const first = segmentPlane(published(centroids, dim));
      // As another start might have drawn it.
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const turned = (at: readonly [number, number] | null): readonly [number, number] | null => {
        if (at === null) return null;
        const y = isMirrored ? -at[1] : at[1];
        return [cos * at[0] - sin * y, sin * at[0] + cos * y];
      };
      const before = {
        ...first,
        segments: first.segments.map((one) => ({ ...one, place: turned(one.place) })),
      };
      expect(apart(segmentPlane(published(centroids, dim), before), before)).toBeLessThan(NEAR);
    }),
  );
});

test("a small change of the profiles is a small change of the picture, even if two axes are alike", () => {
  const square = [
    [1, 0, 0],
    [0, 1, 0],
    [-1, 0, 0],
    [0, -1, 0],
  ];
  const first = segmentPlane(published(square, 3));
  const nudged = square.map(([x = 0, y = 0], k) => [x + (k % 2 === 0 ? 0.01 : -0.01), y + 0.01, 0]);
  const second = segmentPlane(published(nudged, 3), first);
  expect(apart(second, first)).toBeLessThan(0.01);
});

test("a segment without members has no place, and one alone is the centre", () => {
  const plane = segmentPlane(published([[0.4, 0.3], null], 2));
  expect(plane.segments.map((one) => one.place)).toEqual([[0, 0], null]);
});
