import fc from "fast-check";
import { expect, test } from "vitest";
import { geohash } from "../../src/features/geohash.ts";

test.for<[lat: number, lon: number, cell: string]>([
  [57.64911, 10.40744, "u4pruydqqvj"],
  [42.6, -5.6, "ezs42"],
  [-25.382708, -49.265506, "6gkzwgjzn820"],
  [0, 0, "s0000"],
  [90, 180, "zzzz"],
  [-90, -180, "0000"],
])("%d, %d lies in %s", ([lat, lon, cell]) => {
  expect(geohash(lat, lon, cell.length)).toBe(cell);
});

test("a coarser cell is the beginning of a finer one", () => {
  const lat = fc.double({ min: -90, max: 90, noNaN: true });
  const lon = fc.double({ min: -180, max: 180, noNaN: true });
  fc.assert(fc.property(lat, lon, (y, x) => geohash(y, x, 9).startsWith(geohash(y, x, 4))));
});
