import fc from "fast-check";
import { expect, test } from "vitest";
import { BucketCounts } from "../../src/kernel/bucket-counts.ts";

test("a value falls into the first bucket whose end it does not exceed, and above the last into one more", () => {
  const counts = new BucketCounts([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11]) counts.observe(value);
  expect(counts.figures()).toEqual({ counts: [2, 2, 1], sum: 23.5 });
});

test("every value is counted once, whatever the buckets", () => {
  const values = fc.array(fc.double({ min: 0, max: 100, noNaN: true }));
  const ends = fc
    .uniqueArray(fc.double({ min: 0, max: 90, noNaN: true }))
    .map((all) => all.sort((a, b) => a - b));
  const holds = (given: number[], by: number[]) => {
    const counts = new BucketCounts(by);
    for (const value of given) counts.observe(value);
    const { counts: held } = counts.figures();
    expect(held.reduce((sum, count) => sum + count, 0)).toBe(given.length);
    for (const [bucket, end] of by.entries())
      expect(held.slice(0, bucket + 1).reduce((sum, count) => sum + count, 0)).toBe(
        given.filter((value) => value <= end).length,
      );
  };
  fc.assert(fc.property(values, ends, holds));
});
