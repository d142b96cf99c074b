import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlaneFrame } from "../../../src/console/map-frame.ts";
import { fitView } from "../../../src/console/web/map/fit-view.ts";
import { type Box, placeLabels } from "../../../src/console/web/map/label-places.ts";

const PICTURE = { width: 800, height: 600 };
const MARK = 9;
const overlaps = (a: Box, b: Box) =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;

const someLabelled = fc.array(
  fc.record({
    x: fc.integer({ min: 30, max: 770 }),
    y: fc.integer({ min: 30, max: 570 }),
    width: fc.integer({ min: 40, max: 130 }),
    height: fc.constant(22),
  }),
  { minLength: 1, maxLength: 6 },
);

test("labels do not overlap one another or the marks, and lie within the picture", () => {
  fc.assert(
    fc.property(someLabelled, (all) => {
      const boxes = placeLabels(all, PICTURE, MARK);
      for (const [i, box] of boxes.entries()) {
        expect(box.left).toBeGreaterThanOrEqual(0);
        expect(box.top).toBeGreaterThanOrEqual(0);
        expect(box.left + box.width).toBeLessThanOrEqual(PICTURE.width);
        expect(box.top + box.height).toBeLessThanOrEqual(PICTURE.height);
        for (const other of boxes.slice(i + 1)) expect(overlaps(box, other)).toBe(false);
        for (const { x, y } of all) {
          const mark = { left: x - MARK, top: y - MARK, width: 2 * MARK, height: 2 * MARK };
          expect(overlaps(box, mark)).toBe(false);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a label alone is at the right of its mark, and at the left where there is no room", () => {
  const one = { y: 300, width: 100, height: 22 };
  expect(placeLabels([{ ...one, x: 400 }], PICTURE, MARK)[0]?.left).toBe(413);
  expect(placeLabels([{ ...one, x: 760 }], PICTURE, MARK)[0]?.left).toBe(647);
});

test("the view has all segments in it, with room around them, and the same scale across as upwards", () => {
  const place = fc.tuple(
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
  );
  const size = fc.record({
    width: fc.integer({ min: 300, max: 2_000 }),
    height: fc.integer({ min: 300, max: 1_200 }),
    ratio: fc.constantFrom(1, 1.5, 2),
  });
  fc.assert(
    fc.property(fc.array(place, { maxLength: 8 }), size, (places, given) => {
      const segments: PlaneFrame["segments"] = places.map((one, k) => ({
        segment: `s${k}`,
        members: 1,
        place: one,
      }));
      const { middleX, middleY, scale, ratio } = fitView(segments, given);
      for (const [x, y] of places) {
        const [across, down] = [(middleX + x * scale) / ratio, (middleY - y * scale) / ratio];
        expect(across).toBeGreaterThan(29);
        expect(across).toBeLessThan(given.width - 29);
        expect(down).toBeGreaterThan(29);
        expect(down).toBeLessThan(given.height - 29);
      }
    }),
  );
});
