import fc from "fast-check";
import { expect, test } from "vitest";
import { PLACE_SCALE } from "../../../src/console/map-frame.ts";
import { PointField } from "../../../src/console/web/map/point-field.ts";

/** What is told of visitors at places, each with an event at this moment. */
function told(places: Readonly<Record<number, readonly [number, number]>>, gone: readonly number[] = []) {
  const all = Object.entries(places);
  return {
    n: all.map(([number]) => Number(number)),
    x: all.map(([, [x]]) => x * PLACE_SCALE),
    y: all.map(([, [, y]]) => y * PLACE_SCALE),
    s: all.map(() => 0),
    p: all.map(() => 500),
    a: all.map(() => 0),
    gone,
  };
}
const placeOf = (field: PointField, number: number) => {
  const slot = field.slotOf(number) ?? -1;
  return [field.x[slot], field.y[slot]];
};
const settle = (field: PointField) => {
  for (let i = 0; i < 100; i++) field.step(50);
};

test("a new point stands where it is told, and moves to where it is told next without a leap", () => {
  const field = new PointField();
  field.take(told({ 7: [0.5, 0.5] }), 0);
  expect(placeOf(field, 7)).toEqual([0.5, 0.5]);
  field.take(told({ 7: [-0.5, 0.5] }), 250);
  let before = 0.5;
  for (let i = 0; i < 20; i++) {
    field.step(16);
    const [x = 0] = placeOf(field, 7);
    expect(x).toBeLessThan(before);
    expect(before - x).toBeLessThan(0.15);
    before = x;
  }
  settle(field);
  expect(placeOf(field, 7)[0]).toBeCloseTo(-0.5, 3);
});

test("its tail follows it, and is gone once it stands", () => {
  const field = new PointField();
  field.take(told({ 7: [0, 0] }), 0);
  field.take(told({ 7: [1, 0] }), 250);
  for (let i = 0; i < 10; i++) field.step(16);
  const slot = field.slotOf(7) ?? -1;
  expect(field.tailX[slot]).toBeLessThan((field.x[slot] ?? 0) - 0.1);
  settle(field);
  expect(field.tailX[slot]).toBeCloseTo(1, 3);
});

test("it shines after an event, and not when all are told again for new profiles", () => {
  const field = new PointField();
  field.take(told({ 7: [0, 0] }), 1_000);
  expect(field.shine[0]).toBe(1);
  settle(field);
  expect(field.shine[0]).toBe(0);
  field.take({ ...told({ 7: [0.1, 0] }), a: [5_000] }, 6_000); // Nothing since.
  expect(field.shine[0]).toBe(0);
});

test("for whoever wants no motion points stand where they are told at once, and leave no trace", () => {
  const field = new PointField();
  field.take(told({ 7: [0, 0], 8: [0.5, 0] }), 0, true);
  field.take(told({ 7: [1, 0] }, [8]), 250, true);
  expect(placeOf(field, 7)).toEqual([1, 0]);
  expect([field.count, field.shine[0], field.tailX[0]]).toEqual([1, 0, 1]);
});

test("who is gone fades, is not pointed at, not counted, and its room is used again", () => {
  const field = new PointField();
  field.take(told({ 1: [0, 0], 2: [0.3, 0] }), 0);
  settle(field);
  field.take(told({}, [1]), 100);
  expect([field.shown, field.count, field.nearest(0, 0, 0.1)]).toEqual([1, 2, undefined]);
  settle(field);
  expect(field.count).toBe(1);
  expect(placeOf(field, 2)[0]).toBeCloseTo(0.3, 5);
});

test("the nearest point within reach is found", () => {
  const field = new PointField();
  field.take(told({ 1: [0, 0], 2: [0.2, 0] }), 0);
  expect(field.number[field.nearest(0.15, 0, 0.1) ?? -1]).toBe(2);
  expect(field.nearest(0.15, 0.5, 0.1)).toBeUndefined();
});

test("points are counted by segment, none last, and the latest come first", () => {
  const field = new PointField();
  field.take({ ...told({ 1: [0, 0], 2: [0, 0], 3: [0, 0] }), s: [1, -1, 1], a: [300, 100, 200] }, 1_000);
  expect(field.counts(2)).toEqual([0, 2, 1]);
  expect(field.latest(2).map((slot) => field.number[slot])).toEqual([2, 3]);
});

test("whatever comes, moves and goes, each visitor keeps a slot of its own", () => {
  const steps = fc.array(
    fc.record({
      come: fc.uniqueArray(fc.nat(15), { maxLength: 6 }),
      go: fc.uniqueArray(fc.nat(15), { maxLength: 6 }),
      elapsedMs: fc.constantFrom(16, 600),
      isStill: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, (given) => {
      const field = new PointField();
      const shown = new Set<number>();
      for (const [i, { come, go, elapsedMs, isStill }] of given.entries()) {
        const places = Object.fromEntries(come.map((number) => [number, [number / 20, 0] as const]));
        field.take(told(places, go), i * 1_000, isStill);
        for (const number of go) shown.delete(number);
        for (const number of come) shown.add(number);
        field.step(elapsedMs);
        expect(field.shown).toBe(shown.size);
        for (const number of shown) {
          const slot = field.slotOf(number) ?? -1;
          expect(slot).toBeLessThan(field.count);
          expect(field.number[slot]).toBe(number);
          expect(field.toX[slot]).toBeCloseTo(number / 20, 4);
        }
      }
    }),
  );
});
