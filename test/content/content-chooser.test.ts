import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChoiceRequest, ContentChooser } from "../../src/content/content-chooser.ts";
import { POLICIES, POLICY_NAMES, type PolicyName } from "../../src/content/policy.ts";
import type { RateTable } from "../../src/content/rate-table.ts";
import { poolSeed, WorthPool } from "../../src/content/worth-pool.ts";
import { rehash32 } from "../../src/kernel/hash.ts";

/** A table of cells `[clicks, impressions]` by row, everybody's last. */
function aTable(cells: readonly (readonly (readonly [number, number])[])[]): RateTable {
  const flat = cells.flat();
  const a = Float64Array.from(flat, ([clicks]) => clicks + 1);
  return {
    placement: "hero",
    segments: Array.from({ length: cells.length - 1 }, (_, k) => `s${k}`),
    contents: (cells[0] ?? []).map((_, c) => `c${c}`),
    a,
    b: Float64Array.from(flat, ([clicks, shown]) => shown - clicks + 1),
    purchaseA: a,
    purchaseB: a,
    shown: Float64Array.from(flat, ([, shown]) => shown),
  };
}

/** s0 likes c0, s1 likes c1, everybody likes c2 a little more than the mean of those. */
const CLEAR = aTable([
  [
    [900, 1_000],
    [100, 1_000],
    [500, 1_000],
  ],
  [
    [100, 1_000],
    [900, 1_000],
    [500, 1_000],
  ],
  [
    [450, 1_000],
    [450, 1_000],
    [550, 1_000],
  ],
]);
const poolOf = (table: RateTable, rows = 64) =>
  new WorthPool(table, { seed: poolSeed("hero", 3), purchaseWeight: 0, rows });

function request(policy: PolicyName, given: Partial<ChoiceRequest> = {}): ChoiceRequest {
  const pool = given.pool ?? poolOf(CLEAR);
  const contents = pool.table.contents.length;
  return {
    pool,
    policy: POLICIES[policy],
    floor: 0,
    posterior: Float64Array.of(1, 0, 0),
    prior: Float64Array.of(0.5, 0.5, 0),
    eligible: Uint16Array.from({ length: contents }, (_, c) => c),
    eligibleCount: contents,
    number: 7,
    ...given,
  };
}
function choose(
  policy: PolicyName,
  given: Partial<ChoiceRequest> = {},
): { content: number; propensity: number } {
  const out = { content: -1, propensity: 0 };
  new ContentChooser().choose(request(policy, given), out);
  return out;
}

test("each policy goes by its own distribution", () => {
  const chosen = Object.fromEntries(POLICY_NAMES.map((policy) => [policy, choose(policy).content]));
  // Half of s0 and half of s1 like all three the same: whichever is drawn.
  expect(chosen).toEqual({
    mixture: 0,
    greedy: 0,
    segment: 0,
    popularity: 2,
    overall: expect.any(Number),
    shuffled: 1,
  });
});

test("visitors of no known segment get what everybody likes", () => {
  expect(choose("mixture", { posterior: Float64Array.of(0.01, 0.01, 0.98) }).content).toBe(2);
});

test("a mixture averages over segments where a drawn segment takes sides", () => {
  // c2 is the best for a visitor who may be either, though it is the best of neither.
  const table = aTable([
    [
      [900, 1_000],
      [0, 1_000],
      [600, 1_000],
    ],
    [
      [0, 1_000],
      [900, 1_000],
      [600, 1_000],
    ],
    [
      [1, 2],
      [1, 2],
      [1, 2],
    ],
  ]);
  const given = { pool: poolOf(table), posterior: Float64Array.of(0.5, 0.5, 0) };
  const numbers = Array.from({ length: 50 }, (_, number) => number);
  expect(new Set(numbers.map((number) => choose("mixture", { ...given, number }).content))).toEqual(
    new Set([2]),
  );
  expect(new Set(numbers.map((number) => choose("segment", { ...given, number }).content))).toEqual(
    new Set([0, 1]),
  );
});

/** Of little known and of much, where most contents can't win any more. */
const someTable = fc
  .tuple(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 5, max: 20 })), {
      minLength: 20,
      maxLength: 20,
    }),
    fc.constantFrom(1, 200),
  )
  .map(([cells, known]) =>
    aTable(
      [0, 1, 2, 3].map((k) =>
        cells.slice(5 * k, 5 * k + 5).map(([clicks, shown]) => [known * clicks, known * shown] as const),
      ),
    ),
  );
const somePosterior = fc
  .array(fc.integer({ min: 0, max: 10 }), { minLength: 4, maxLength: 4 })
  .filter((weights) => weights.some((weight) => weight > 0))
  .map((weights) =>
    Float64Array.from(weights, (weight) => weight / weights.reduce((sum, one) => sum + one, 0)),
  );
const somePolicy = fc.constantFrom(...POLICY_NAMES);

test("propensities are those of the choices that are made", () => {
  const holds = (table: RateTable, posterior: Float64Array, policy: PolicyName): void => {
    const pool = poolOf(table);
    const prior = Float64Array.of(0.25, 0.25, 0.25, 0.25);
    const told = new Map<number, number>();
    const counts = new Map<number, number>();
    const draws = 4_000;
    const chooser = new ContentChooser();
    const out = { content: -1, propensity: 0 };
    const one = request(policy, { pool, posterior, prior, floor: 0.2 });
    for (let n = 0; n < draws; n++) {
      one.number = rehash32(n, 99);
      chooser.choose(one, out);
      expect(chooser.contentOf(one)).toBe(out.content);
      const before = told.get(out.content);
      if (before !== undefined) expect(out.propensity).toBeCloseTo(before, 12); // It does not depend on the draw.
      told.set(out.content, out.propensity);
      counts.set(out.content, (counts.get(out.content) ?? 0) + 1);
    }
    let total = 0;
    for (const [content, propensity] of told) {
      const error = Math.sqrt((propensity * (1 - propensity)) / draws);
      expect(Math.abs(counts.get(content)! / draws - propensity)).toBeLessThan(5 * error + 1e-9);
      total += propensity;
    }
    if (told.size === 5) expect(total).toBeCloseTo(1, 9);
  };
  fc.assert(fc.property(someTable, somePosterior, somePolicy, holds), { numRuns: 30 });
});

test("in an independent map, whose probabilities may add up to more than 1, propensities do not", () => {
  for (const policy of POLICY_NAMES) {
    const all = [0, 1, 2].map((number) =>
      choose(policy, { posterior: Float64Array.of(0.9, 0.8, 0), number }),
    );
    for (const { propensity } of all) expect(propensity).toBeLessThanOrEqual(1);
  }
  expect(choose("segment", { posterior: Float64Array.of(0.9, 0.9, 0) }).propensity).toBeCloseTo(0.5, 9);
});

test("only what is eligible is chosen, and with one content there is no choice", () => {
  const eligible = Uint16Array.of(1, 2, 0);
  for (let number = 0; number < 100; number++)
    expect(choose("mixture", { eligible, eligibleCount: 2, floor: 0.5, number }).content).not.toBe(0);
  for (const policy of POLICY_NAMES)
    expect(choose(policy, { eligible, eligibleCount: 1, floor: 0.02 })).toEqual({
      content: 1,
      propensity: 1,
    });
  expect(() => choose("mixture", { eligibleCount: 0 })).toThrow(
    expect.objectContaining({ code: "ASSERTION_FAILED" }),
  );
});

test("a choice depends on the request alone: not on what was chosen before, nor on which cells were drawn first", () => {
  const holds = (table: RateTable, posterior: Float64Array, numbers: number[]): void => {
    const shared = new ContentChooser();
    const pool = poolOf(table);
    const out = { content: -1, propensity: 0 };
    const prior = posterior;
    const given = numbers.map((number, i) => ({ number, policy: POLICY_NAMES[i % POLICY_NAMES.length]! }));
    const here = given.map(({ number, policy }) => {
      shared.choose(request(policy, { pool, posterior, prior, number }), out);
      return { ...out };
    });
    const elsewhere = given
      .toReversed()
      .map(({ number, policy }) => choose(policy, { pool: poolOf(table), posterior, prior, number }))
      .reverse();
    expect(here).toEqual(elsewhere);
  };
  const numbers = fc.array(fc.nat(), { maxLength: 12 });
  fc.assert(fc.property(someTable, somePosterior, numbers, holds), { numRuns: 30 });
});

test("another version of the rates, or another placement, draws anew", () => {
  const cell = (placement: string, version: number) => [
    ...new WorthPool(CLEAR, { seed: poolSeed(placement, version), purchaseWeight: 0 }).drawn(0, 0),
  ];
  expect(cell("hero", 1)).toEqual(cell("hero", 1));
  expect(cell("hero", 1)).not.toEqual(cell("hero", 2));
  expect(cell("hero", 1)).not.toEqual(cell("foot", 1));
  expect(new Set(cell("hero", 1)).size).toBeGreaterThan(60);
});

test("what purchases are worth is added to clicks", () => {
  const table = {
    ...CLEAR,
    purchaseA: CLEAR.a.map((_, at) => (at % 3 === 2 ? 99 : 1)),
    purchaseB: CLEAR.a.map(() => 1),
  };
  const weighed = new WorthPool(table, { seed: 1, purchaseWeight: 10 });
  expect(choose("mixture", { pool: weighed }).content).toBe(2);
  expect(weighed.mean(0, 2)[0]).toBeCloseTo(0.5 * (1 + 10 * 0.99), 1);
});
