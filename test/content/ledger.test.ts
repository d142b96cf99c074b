import fc from "fast-check";
import { expect, test } from "vitest";
import { feedbackEvidence } from "../../src/content/feedback-evidence.ts";
import {
  addEvidence,
  addLedgerInto,
  type Evidence,
  LEDGER_SEGMENTS_MAX,
  LEDGER_SETTINGS,
  type Ledger,
} from "../../src/content/ledger.ts";
import type { RateTable } from "../../src/content/rate-table.ts";
import { softmaxInPlace } from "../../src/embedding/softmax.ts";

const TRUST = { examination: 1, weight: 1 };
const ENDLESS = { ...LEDGER_SETTINGS, halfLifeMs: 2 ** 60 };
const namesOf = (count: number) => Array.from({ length: count }, (_, k) => `s${String(k).padStart(3, "0")}`);
const placesOf = (segments: readonly string[]) => new Map(segments.map((segment, k) => [segment, k]));

/** A table of given rates; the last row is everybody's. */
function aTable(rates: readonly (readonly number[])[]): RateTable {
  const flat = Float64Array.from(rates.flat());
  return {
    placement: "hero",
    segments: namesOf(rates.length - 1),
    contents: (rates[0] ?? []).map((_, c) => `c${c}`),
    a: flat.map((rate) => 1_000 * rate),
    b: flat.map((rate) => 1_000 * (1 - rate)),
    purchaseA: flat,
    purchaseB: flat,
    shown: flat,
  };
}

/** The user of METHODS 3.5: three segments, no "none". */
const PI = Float64Array.of(0.5, 0.3, 0.2, 0);
const TABLE = aTable([[0.1], [0.05], [0.02], [0.05]]);

function posterior(ledger: Ledger | undefined, atMs = 0, table = TABLE, prior = PI): Float64Array {
  const offsets = new Float64Array(prior.length);
  if (ledger !== undefined)
    addLedgerInto(ledger, placesOf(table.segments), "exclusive", atMs, offsets, ENDLESS);
  const logits = prior.map((p, k) => Math.log(p) + offsets[k]!);
  softmaxInPlace(logits);
  return logits;
}
/** Folds outcomes as a shard does: each is judged by the posterior before it. */
function after(outcomes: readonly boolean[], trust = TRUST, settings = ENDLESS): Ledger | undefined {
  let ledger: Ledger | undefined;
  for (const clicked of outcomes)
    ledger = addEvidence(ledger, feedbackEvidence(TABLE, 0, clicked, posterior(ledger), trust), 0, settings);
  return ledger;
}
const close = (values: Iterable<number>, expected: readonly number[]) => {
  for (const [i, value] of [...values].slice(0, expected.length).entries())
    expect(value).toBeCloseTo(expected[i]!, 7);
};

test("outcomes move the posterior over segments as Bayes says: the vectors of METHODS 3.5", () => {
  close(posterior(after([true])), [0.72463768, 0.2173913, 0.05797101]);
  close(posterior(after([false])), [0.48335124, 0.30612245, 0.21052632]);
  close(posterior(after([true, false])), [0.71236346, 0.22558176, 0.06205477]);
  close(posterior(after([false, true])), [0.71236346, 0.22558176, 0.06205477]);
  close(posterior(after([false], { ...TRUST, examination: 0.5 })), [0.49197307, 0.30295184, 0.20507509]);
  close(posterior(after([true], { ...TRUST, weight: 0.5 })), [0.62377214, 0.26464411, 0.11158375]);
  const { values } = feedbackEvidence(TABLE, 0, true, PI, TRUST);
  close(values, [0.37106368, -0.3220835, -1.23837423]);
});

test("evidence halves with the half-life: the same vector as half the weight", () => {
  const ledger = after([true], TRUST, LEDGER_SETTINGS);
  const offsets = new Float64Array(4);
  const atMs = LEDGER_SETTINGS.halfLifeMs;
  if (ledger !== undefined) addLedgerInto(ledger, placesOf(TABLE.segments), "exclusive", atMs, offsets);
  const logits = PI.map((p, k) => Math.log(p) + offsets[k]!);
  softmaxInPlace(logits);
  close(logits, [0.62377214, 0.26464411, 0.11158375]);
});

/** No two so far apart that an outcome says more than the clamp allows. */
const rate = fc.double({ min: 0.05, max: 0.6, noNaN: true });
const someTable = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.array(rate, { minLength: 28, maxLength: 28 }))
  .map(([segments, rates]) =>
    aTable(Array.from({ length: segments + 1 }, (_, k) => rates.slice(4 * k, 4 * k + 4))),
  );
const someOutcomes = fc.array(
  fc.record({
    content: fc.integer({ min: 0, max: 3 }),
    clicked: fc.boolean(),
    atMs: fc.integer({ min: 0, max: 1e9 }),
  }),
  { maxLength: 6 },
);
const evenly = (table: RateTable) =>
  new Float64Array(table.segments.length + 1).fill(1 / (table.segments.length + 1));

test("without fading the order of outcomes does not matter, and the posterior sums to 1", () => {
  const holds = (table: RateTable, outcomes: { content: number; clicked: boolean }[]): void => {
    const even = evenly(table);
    const fold = (given: typeof outcomes) => {
      let ledger: Ledger | undefined;
      for (const { content, clicked } of given) {
        const before = posterior(ledger, 0, table, even);
        ledger = addEvidence(ledger, feedbackEvidence(table, content, clicked, before, TRUST), 0, ENDLESS);
      }
      return posterior(ledger, 0, table, even);
    };
    const forth = fold(outcomes);
    for (const [k, p] of fold(outcomes.toReversed()).entries()) expect(p).toBeCloseTo(forth[k]!, 10);
    expect(forth.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  };
  fc.assert(fc.property(someTable, someOutcomes, holds));
});

test("outcomes that are as likely in every segment say nothing", () => {
  const table = aTable([[0.2], [0.2], [0.2], [0.2]]);
  for (const clicked of [true, false]) {
    const ledger = addEvidence(undefined, feedbackEvidence(table, 0, clicked, PI, TRUST), 0);
    close(posterior(ledger), [0.5, 0.3, 0.2]);
  }
});

test("without fading it is plain Bayes", () => {
  const holds = (table: RateTable, outcomes: { content: number; clicked: boolean }[]): void => {
    const even = evenly(table);
    let ledger: Ledger | undefined;
    const exact = new Float64Array(even.length);
    for (const { content, clicked } of outcomes) {
      const before = posterior(ledger, 0, table, even);
      ledger = addEvidence(ledger, feedbackEvidence(table, content, clicked, before, TRUST), 0, ENDLESS);
      for (let k = 0; k < exact.length; k++) {
        const at = k * 4 + content;
        const mean = table.a[at]! / (table.a[at]! + table.b[at]!);
        exact[k] = exact[k]! + Math.log(clicked ? mean : 1 - mean);
      }
    }
    const middle = exact.reduce((sum, value) => sum + value, 0) / exact.length;
    fc.pre(exact.every((value) => Math.abs(value - middle) < LEDGER_SETTINGS.clip)); // Else it is clipped.
    softmaxInPlace(exact);
    for (const [k, p] of posterior(ledger, 0, table, even).entries()) expect(p).toBeCloseTo(exact[k]!, 9);
  };
  const few = fc.array(fc.record({ content: fc.integer({ min: 0, max: 3 }), clicked: fc.boolean() }), {
    maxLength: 3,
  });
  fc.assert(fc.property(someTable, few, holds));
});

const someEvidence: fc.Arbitrary<Evidence> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...namesOf(6))),
    fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 7, maxLength: 7 }),
  )
  .map(([segments, values]) => ({
    segments: segments.toSorted(),
    values: values.slice(0, segments.length),
    rest: values[6]!,
  }));
const someMoments = fc.array(fc.tuple(someEvidence, fc.integer({ min: 0, max: 1e9 })), { maxLength: 6 });
const offsetsOf = (ledger: Ledger | undefined, atMs = 2e9): Float64Array => {
  const offsets = new Float64Array(7);
  if (ledger !== undefined) addLedgerInto(ledger, placesOf(namesOf(6)), "exclusive", atMs, offsets);
  return offsets;
};

test("late evidence is as if it had come in time", () => {
  const holds = (moments: [Evidence, number][]): void => {
    const fold = (given: typeof moments) =>
      given.reduce<Ledger | undefined>(
        (ledger, [evidence, atMs]) => addEvidence(ledger, evidence, atMs),
        undefined,
      );
    const forth = offsetsOf(fold(moments));
    const inTime = moments.toSorted(([, one], [, other]) => one - other);
    for (const [k, offset] of offsetsOf(fold(inTime)).entries()) expect(offset).toBeCloseTo(forth[k]!, 10);
  };
  fc.assert(fc.property(someMoments, holds));
});

test("a late click takes back what its time-out had said", () => {
  const holds = (moments: [Evidence, number][], wrong: Evidence, atMs: number): void => {
    let with_: Ledger | undefined = addEvidence(undefined, wrong, atMs);
    let without: Ledger | undefined;
    for (const [evidence, at] of moments) {
      with_ = addEvidence(with_, evidence, at);
      without = addEvidence(without, evidence, at);
    }
    with_ = addEvidence(with_, wrong, atMs, LEDGER_SETTINGS, -1);
    const expected = offsetsOf(without);
    for (const [k, offset] of offsetsOf(with_).entries()) expect(offset).toBeCloseTo(expected[k]!, 12);
  };
  fc.assert(fc.property(someMoments, someEvidence, fc.integer({ min: 0, max: 1e9 }), holds));
});

test("no segment is moved further than the clip from the mean of all", () => {
  const evidence = { segments: ["s000"], values: [3], rest: 0 };
  let ledger: Ledger | undefined;
  for (let i = 0; i < 10; i++) ledger = addEvidence(ledger, evidence, 0);
  expect(Math.max(...offsetsOf(ledger, 0))).toBe(LEDGER_SETTINGS.clip);
});

test("in an independent map each segment counts against everybody", () => {
  const ledger = addEvidence(undefined, { segments: ["s000"], values: [1.5], rest: 0.5 }, 0);
  const offsets = new Float64Array(3);
  addLedgerInto(ledger, placesOf(["s000", "s001"]), "independent", 0, offsets);
  expect([...offsets]).toEqual([1, 0, 0]);
});

test("segments that the map has no more are passed over", () => {
  const ledger = addEvidence(undefined, { segments: ["gone", "s000"], values: [3, 1], rest: 0 }, 0);
  const offsets = new Float64Array(2);
  addLedgerInto(ledger, placesOf(["s000"]), "exclusive", 0, offsets);
  expect([...offsets]).toEqual([0.5, -0.5]);
});

test("of many segments those are kept that feedback moved most", () => {
  const rates = Array.from({ length: 65 }, (_, k) => [k === 40 ? 0.5 : 0.05]);
  const even = new Float64Array(65).fill(1 / 65);
  const evidence = feedbackEvidence(aTable(rates), 0, true, even, TRUST);
  expect(evidence.segments).toHaveLength(LEDGER_SEGMENTS_MAX);
  expect(evidence.segments).toContain("s040");
  let ledger = addEvidence(undefined, evidence, 0);
  for (let i = 0; i < 40; i++)
    ledger = addEvidence(ledger, { segments: [`x${i}`], values: [0.01 * i], rest: 0 }, 0);
  expect(ledger.evidence.segments).toHaveLength(LEDGER_SEGMENTS_MAX);
  expect(ledger.evidence.segments).toContain("s040");
});
