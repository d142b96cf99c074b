import fc from "fast-check";
import { expect, test } from "vitest";
import { addHeavyHitter, summariseHeavyHitters } from "../../src/features/heavy-hitters.ts";

function tableOf(hashes: readonly number[], size: number): Map<number, number> {
  const slab = new Float64Array(2 * size);
  for (const hash of hashes) addHeavyHitter(slab, 0, size, hash, 1);
  const table = new Map<number, number>();
  for (let i = 0; i < size; i++) if (slab[size + i] !== 0) table.set(slab[size + i] ?? 0, slab[i] ?? 0);
  return table;
}

test("with no more keys than places every count is exact", () => {
  expect(tableOf([7, 8, 7, 9, 7], 3)).toEqual(
    new Map([
      [7, 3],
      [8, 1],
      [9, 1],
    ]),
  );
});

test("a new key takes the place and the weight of the lightest", () => {
  expect(tableOf([7, 7, 8, 9], 2)).toEqual(
    new Map([
      [7, 2],
      [9, 2],
    ]),
  );
});

test("it tells when a key gave way", () => {
  const slab = new Float64Array(2);
  expect([7, 7, 8].map((hash) => addHeavyHitter(slab, 0, 1, hash, 1))).toEqual([false, false, true]);
});

test("no key is underrated, none overrated by more than total / size, and the heaviest are held", () => {
  const size = 8;
  const keys = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 200 });
  fc.assert(
    fc.property(keys, (hashes) => {
      const table = tableOf(hashes, size);
      const counts = new Map<number, number>();
      for (const hash of hashes) counts.set(hash, (counts.get(hash) ?? 0) + 1);
      for (const [hash, weight] of table) {
        const count = counts.get(hash) ?? 0;
        expect(weight).toBeGreaterThanOrEqual(count);
        expect(weight - count).toBeLessThanOrEqual(hashes.length / size);
      }
      for (const [hash, count] of counts)
        if (count > hashes.length / size) expect(table.has(hash)).toBe(true);
    }),
  );
});

test("the summary names the shares of the two heaviest", () => {
  const slab = new Float64Array(8);
  for (const hash of [5, 6, 6, 6, 7, 7, 7, 7]) addHeavyHitter(slab, 0, 4, hash, 0.5);
  const summary = { keys: 0, heaviestShare: 0, secondShare: 0 };
  summariseHeavyHitters(slab, 0, 4, summary);
  expect(summary).toEqual({ keys: 3, heaviestShare: 0.5, secondShare: 0.375 });
});
