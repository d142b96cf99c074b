import fc from "fast-check";
import { expect, test } from "vitest";
import { hashUnit } from "../../src/experiments/hash-unit.ts";
import { chiSquareTail } from "../../src/kernel/incomplete-gamma.ts";
import { BUCKETING_FORMS, murmur3 } from "./bucketing-forms.ts";

// Published with GrowthBook's SDK (packages/sdk-js/test/cases.json).
test.for([
  ["growthbook-v2", "seed", "a", 0.0505],
  ["growthbook-v2", "seed", "b", 0.2696],
  ["growthbook-v2", "foo", "ab", 0.2575],
  ["growthbook-v2", "foo", "def", 0.2019],
  ["growthbook-v1", "", "a", 0.22],
  ["growthbook-v1", "", "b", 0.077],
  ["growthbook-v1", "b", "a", 0.946],
  ["growthbook-v1", "", "def", 0.652],
  ["growthbook-v1", "", "8952klfjas09ujkasdf", 0.549],
  ["growthbook-v1", "", "123", 0.011],
  ["growthbook-v1", "", '___)((*":&', 0.563],
] as const)("%s of seed %s and unit %s is %f", ([mode, seed, unit, expected]) => {
  expect(hashUnit(mode, seed, unit)).toBe(expected);
});

test("sha256 is the digest's top 52 bits of the seed, U+001F and the unit", () => {
  // python: int(hashlib.sha256(b"exp1\x1fuser-1").hexdigest(), 16) >> 204
  expect(hashUnit("sha256", "exp1", "user-1") * 2 ** 52).toBe(1801832067602640);
});

test("the delimiter tells seeds that end as units begin apart, which growthbook-v2 can't", () => {
  const [one, other] = [
    ["exp1", "0a"],
    ["exp10", "a"],
  ] as const;
  expect(hashUnit("growthbook-v2", ...one)).toBe(hashUnit("growthbook-v2", ...other));
  expect(hashUnit("sha256", ...one)).not.toBe(hashUnit("sha256", ...other));
});

test("every mode gives a number in [0, 1), always the same", () => {
  const holds = (seed: string, unit: string): void => {
    for (const mode of ["sha256", "growthbook-v2", "growthbook-v1"] as const) {
      const bucket = hashUnit(mode, seed, unit);
      expect(bucket).toBeGreaterThanOrEqual(0);
      expect(bucket).toBeLessThan(1);
      expect(hashUnit(mode, seed, unit)).toBe(bucket);
    }
  };
  fc.assert(fc.property(fc.string(), fc.string(), holds));
});

test("the other products' forms that ours is compared with are theirs", () => {
  expect((murmur3("gr1:123") % 100) + 1).toBe(73);
  expect((murmur3("groupX:999") % 100) + 1).toBe(25);
  expect(BUCKETING_FORMS.posthog("exp1", "user-1")).toBeCloseTo(0.38064361208, 11);
  expect(BUCKETING_FORMS.statsig("exp1", "user-1")).toBe(0.5124);
});

test("arms of one experiment tell nothing of those of another, except with growthbook-v1", () => {
  const evidence = (bucketOf: (seed: string, unit: string) => number): number =>
    Math.max(...pairs(6).map(([a, b]) => dependence(bucketOf, `exp${a}`, `exp${b}`)));
  // 0.1 % over the 15 pairs.
  const critical = 22;
  expect(chiSquareTail(critical, 3)).toBeCloseTo(0.001 / 15, 4);
  expect(evidence((seed, unit) => hashUnit("sha256", seed, unit))).toBeLessThan(critical);
  expect(evidence((seed, unit) => hashUnit("growthbook-v2", seed, unit))).toBeLessThan(critical);
  for (const form of Object.values(BUCKETING_FORMS)) expect(evidence(form)).toBeLessThan(critical);
  expect(evidence((seed, unit) => hashUnit("growthbook-v1", seed, unit))).toBeGreaterThan(1_000);
});

/** Chi-square of the four combinations of halves against equal shares, 3 degrees of freedom. */
function dependence(bucketOf: (seed: string, unit: string) => number, a: string, b: string): number {
  const units = 8_000;
  const cells = [0, 0, 0, 0];
  for (let i = 0; i < units; i++) {
    const half = (seed: string): number => Number(bucketOf(seed, `user-${i}`) >= 0.5);
    cells[half(a) * 2 + half(b)]! += 1;
  }
  return cells.reduce((sum, count) => sum + (count - units / 4) ** 2 / (units / 4), 0);
}

function pairs(count: number): [number, number][] {
  const indices = Array.from({ length: count }, (_, i) => i);
  return indices.flatMap((a) => indices.slice(a + 1).map((b): [number, number] => [a, b]));
}
