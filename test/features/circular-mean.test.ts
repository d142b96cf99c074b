import { expect, test } from "vitest";
import { addPhase, readDirection } from "../../src/features/circular-mean.ts";

function directionOf(hours: readonly number[]) {
  const slab = new Float64Array(2);
  for (const hour of hours) addPhase(slab, 0, hour / 24, 1);
  const out = new Float64Array(3);
  readDirection(slab, 0, hours.length, out as unknown as Float32Array, 0);
  const [cosine = 0, sine = 0, strength = 0] = out;
  return { peakHour: (Math.atan2(sine, cosine) * 24) / (2 * Math.PI), strength };
}

test("hours around midnight have their mean at midnight", () => {
  const { peakHour, strength } = directionOf([23, 0, 1, 2]);
  expect(peakHour).toBeCloseTo(0.5, 9);
  expect(strength).toBeCloseTo(0.9576621969, 9);
});

test("hours that are spread evenly have no direction", () => {
  expect(directionOf([0, 6, 12, 18]).strength).toBeCloseTo(0, 9);
});

test("nothing has no direction", () => {
  expect(directionOf([]).strength).toBe(0);
});
