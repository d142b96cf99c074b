import fc from "fast-check";
import { expect, test } from "vitest";
import { DotRaster } from "../../../src/console/web/map/dot-raster.ts";

const WIDTH = 24;
const HEIGHT = 20;

function aPicture() {
  const pixels = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  const raster = new DotRaster();
  raster.begin(pixels, WIDTH, HEIGHT);
  /** How much of the pixel's white is gone, in [0, 1]. */
  const inkAt = (x: number, y: number) => 1 - (pixels[(y * WIDTH + x) * 4] ?? 0) / 255;
  const ink = () => {
    let sum = 0;
    for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) sum += inkAt(x, y);
    return sum;
  };
  return { pixels, raster, ink, inkAt };
}

test("a dot has the area of its circle, wherever between pixels it lies", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 8, max: 12, noNaN: true }),
      fc.double({ min: 8, max: 12, noNaN: true }),
      fc.integer({ min: 4, max: 20 }),
      (x, y, quarters) => {
        const { raster, ink } = aPicture();
        const radius = quarters / 4;
        raster.dot(x, y, radius, [0, 0, 0], 1);
        expect(ink()).toBeGreaterThan(Math.PI * radius * radius * 0.9 - 0.5);
        expect(ink()).toBeLessThan(Math.PI * radius * radius * 1.1 + 0.5);
      },
    ),
  );
});

test("its middle is where it was told, to a quarter of a pixel: slow moves are smooth", () => {
  const middleOf = (x: number) => {
    const { raster, inkAt } = aPicture();
    raster.dot(x, 10, 3, [0, 0, 0], 1);
    let [sum, moment] = [0, 0];
    for (let column = 0; column < WIDTH; column++)
      for (let row = 0; row < HEIGHT; row++) {
        sum += inkAt(column, row);
        moment += inkAt(column, row) * (column + 0.5);
      }
    return moment / sum;
  };
  for (let x = 8; x < 12; x += 0.1) expect(Math.abs(middleOf(x) - x)).toBeLessThan(0.2);
});

test("opacity lets through what is below, and a ring is open", () => {
  const { raster, inkAt } = aPicture();
  raster.dot(10.5, 10.5, 5, [0, 0, 0], 0.5);
  expect(inkAt(10, 10)).toBeCloseTo(0.5, 2);
  const ring = aPicture();
  ring.raster.dot(10.5, 10.5, 5, [0, 0, 0], 1, 0.6);
  expect(ring.inkAt(10, 10)).toBe(0);
  expect(ring.inkAt(14, 10)).toBeGreaterThan(0.9);
});

test("what lies outside is cut off, and nothing else is touched", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -40, max: 60, noNaN: true }),
      fc.double({ min: -40, max: 60, noNaN: true }),
      (x, y) => {
        const { raster, inkAt } = aPicture();
        raster.dot(x, y, 4, [0, 0, 0], 1);
        for (let row = 0; row < HEIGHT; row++)
          for (let column = 0; column < WIDTH; column++)
            if (Math.hypot(column + 0.5 - x, row + 0.5 - y) > 5.2) expect(inkAt(column, row)).toBe(0);
      },
    ),
  );
});
