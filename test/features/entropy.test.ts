import { expect, test } from "vitest";
import { entropyOf, evenness } from "../../src/features/entropy.ts";

test("the evenness of shares .5, .25, .25 over three places is .9463946304", () => {
  expect(evenness(Float64Array.of(0.5, 0.25, 0.25), 0, 3, 3)).toBeCloseTo(0.9463946304, 9);
});

test("evenness does not depend on the scale of the weights", () => {
  expect(evenness(Float64Array.of(2e9, 1e9, 1e9), 0, 3, 3)).toBeCloseTo(0.9463946304, 9);
  expect(evenness(Float64Array.of(2e-9, 1e-9, 1e-9), 0, 3, 3)).toBeCloseTo(0.9463946304, 9);
});

test("one weight, and none, have no entropy", () => {
  expect(entropyOf(Float64Array.of(3, 0), 0, 2)).toBe(0);
  expect(entropyOf(Float64Array.of(0, 0), 0, 2)).toBe(0);
  expect(entropyOf(Float64Array.of(), 0, 0)).toBe(0);
});
