import fc from "fast-check";
import { expect, test } from "vitest";
import { VisitorQueue } from "../../../src/cli/shop/visitor-queue.ts";

test("visitors come out in the order of their times, equal times by visitor", () => {
  const times = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 60 });
  const holds = (given: number[]) => {
    const queue = new VisitorQueue(Float64Array.from(given));
    const out = given.map(() => {
      const visitor = queue.first;
      expect(queue.firstMs).toBe(given[visitor]);
      queue.postponeFirst(Number.POSITIVE_INFINITY);
      return visitor;
    });
    const expected = given.map((_, visitor) => visitor).toSorted((a, b) => (given[a] ?? 0) - (given[b] ?? 0));
    expect(out).toEqual(expected);
  };
  fc.assert(fc.property(times, holds));
});

test("a visitor who is postponed comes back at that time", () => {
  const queue = new VisitorQueue(Float64Array.of(1, 2, 3));
  queue.postponeFirst(2.5);
  const order = [0, 0, 0].map(() => {
    const visitor = queue.first;
    queue.postponeFirst(10 + visitor);
    return visitor;
  });
  expect(order).toEqual([1, 0, 2]);
});
