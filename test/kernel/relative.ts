import { expect } from "vitest";

/** Expects a number within a relative tolerance: digits after the point say nothing about a tail of 1e-24. */
export function expectWithin(actual: number, expected: number, tolerance = 1e-12): void {
  const scale = Math.max(Math.abs(expected), Number.MIN_VALUE);
  expect(Math.abs(actual - expected) / scale, `${actual} instead of ${expected}`).toBeLessThan(tolerance);
}
