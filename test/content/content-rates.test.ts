import fc from "fast-check";
import { expect, test } from "vitest";
import { ContentRates, EVERYBODY, type Outcome } from "../../src/content/content-rates.ts";
import { MINUTE_MS, RATE_TIME } from "../../src/content/rate-time.ts";
import { memberResponsibilities } from "../../src/content/responsibilities.ts";

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 30 * MINUTE_MS;
/** The beginning of a period of 28 days. */
const START_MS = 735 * 28 * DAY_MS;

const outcome = (given: Partial<Outcome>): Outcome => ({
  placement: "hero",
  content: "a",
  kind: "shown",
  shownAtMs: START_MS,
  who: memberResponsibilities("loyal"),
  ...given,
});
const read = (
  rates: ContentRates,
  atMs: number,
  cell: { segment?: string; content?: string } = {},
): number[] => {
  const out = new Float64Array(3);
  const at = { placement: "hero", content: cell.content ?? "a", segment: cell.segment ?? "loyal" };
  rates.readInto(out, at, atMs, TIMEOUT_MS);
  return [...out];
};
const summed = (outcomes: readonly Outcome[], sign: 1 | -1 = 1): ContentRates => {
  const rates = new ContentRates();
  for (const one of outcomes) rates.add(one, sign);
  return rates;
};
const merged = (...parts: readonly ContentRates[]): ContentRates => {
  const all = new ContentRates();
  for (const part of parts) all.merge(part);
  return all;
};

const someOutcome: fc.Arbitrary<Outcome> = fc.record({
  placement: fc.constantFrom("hero", "foot"),
  content: fc.constantFrom("a", "b", "c"),
  kind: fc.constantFrom("shown", "shown", "clicked", "purchased"),
  shownAtMs: fc.integer({ min: START_MS - 60 * DAY_MS, max: START_MS + 60 * DAY_MS }),
  who: fc.record({
    segments: fc.constant(["loyal", "new"]),
    shares: fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.float({ min: 0, max: 1, noNaN: true })),
  }),
});
const someOutcomes = fc.array(someOutcome, { maxLength: 30 });

test("an impression counts once its time-out is over, and a click with it", () => {
  const rates = summed([outcome({}), outcome({}), outcome({ kind: "clicked" })]);
  expect(read(rates, START_MS + TIMEOUT_MS)).toEqual([0, 0, 0]);
  const [shown, clicked, purchased] = read(rates, START_MS + TIMEOUT_MS + MINUTE_MS);
  expect([shown, clicked, purchased]).toEqual([
    expect.closeTo(2, 2),
    expect.closeTo(1, 2),
    0, //
  ]);
});

test("an impression waits for its time-out where older ones are settled, too", () => {
  const rates = summed([outcome({})]);
  const nowMs = START_MS + TIMEOUT_MS + MINUTE_MS;
  rates.settle("hero", nowMs, TIMEOUT_MS);
  rates.add(outcome({ shownAtMs: START_MS + MINUTE_MS }));
  expect(read(rates, nowMs)[0]).toBeCloseTo(1, 2);
  expect(read(rates, nowMs + MINUTE_MS)[0]).toBeCloseTo(2, 2);
});

test("a sum halves in 28 days", () => {
  const rates = summed([outcome({})]);
  expect(read(rates, START_MS + 28 * DAY_MS)[0]).toBe(0.5);
  expect(read(rates, START_MS + 42 * DAY_MS)[0]).toBeCloseTo(2 ** -1.5, 12);
});

test("soft responsibilities are shared out, and everybody's sum counts each impression whole", () => {
  const who = { segments: ["loyal", "new"], shares: [0.375, 0.125] };
  const rates = summed([outcome({ who })]);
  const atMs = START_MS + 28 * DAY_MS;
  expect(read(rates, atMs)[0]).toBe(0.375 / 2);
  expect(read(rates, atMs, { segment: "new" })[0]).toBe(0.125 / 2);
  expect(read(rates, atMs, { segment: EVERYBODY })[0]).toBe(0.5);
});

test("what is taken back is gone without a trace, however much later", () => {
  const holds = (kept: Outcome[], taken: Outcome[], settleAfterMs: number): void => {
    const rates = summed([...kept, ...taken]);
    const same = summed(kept);
    for (const one of [rates, same])
      for (const placement of ["hero", "foot"]) one.settle(placement, START_MS + settleAfterMs, TIMEOUT_MS);
    for (const one of taken) rates.add(one, -1);
    for (const placement of ["hero", "foot"]) {
      rates.settle(placement, START_MS + settleAfterMs + 1_000 * MINUTE_MS, TIMEOUT_MS);
      same.settle(placement, START_MS + settleAfterMs + 1_000 * MINUTE_MS, TIMEOUT_MS);
    }
    const atMs = START_MS + 100 * DAY_MS;
    for (const content of ["a", "b", "c"])
      expect(read(rates, atMs, { content })).toEqual(read(same, atMs, { content }));
    expect(merged(rates).isEmpty).toBe(same.isEmpty);
  };
  const settle = fc.integer({ min: -70 * DAY_MS, max: 70 * DAY_MS });
  fc.assert(fc.property(someOutcomes, someOutcomes, settle, holds));
});

test("a late click turns the impression of then into a clicked one, to the last bit", () => {
  const late = summed([outcome({})]);
  late.settle("hero", START_MS + DAY_MS, TIMEOUT_MS);
  late.add(outcome({ kind: "clicked" }));
  const prompt = summed([outcome({}), outcome({ kind: "clicked" })]);
  prompt.settle("hero", START_MS + DAY_MS, TIMEOUT_MS);
  expect(late.encode()).toEqual(prompt.encode());
});

test("parts merge in any order and grouping to the same bytes, and to those of one sum", () => {
  const holds = (a: Outcome[], b: Outcome[], c: Outcome[], settledMs: number): void => {
    const part = (outcomes: Outcome[], settles = false): ContentRates => {
      const rates = summed(outcomes);
      if (settles) rates.settle("hero", settledMs, TIMEOUT_MS);
      return rates;
    };
    const [one, two, three] = [part(a, true), part(b), part(c)];
    const left = merged(merged(one, two), three).encode();
    expect(merged(one, merged(two, three)).encode()).toEqual(left);
    expect(merged(three, two, one).encode()).toEqual(left);
    if (a.some(({ placement }) => placement === "hero")) {
      expect(part([...c, ...b, ...a], true).encode()).toEqual(left);
    }
  };
  const settled = fc.integer({ min: START_MS - 70 * DAY_MS, max: START_MS + 70 * DAY_MS });
  fc.assert(fc.property(someOutcomes, someOutcomes, someOutcomes, settled, holds));
});

test("settling saves space and changes nothing that is read from then on", () => {
  const holds = (outcomes: Outcome[], settledMs: number, laterMs: number): void => {
    const rates = summed(outcomes);
    const atMs = settledMs + laterMs;
    const before = read(rates, atMs);
    rates.settle("hero", settledMs, TIMEOUT_MS);
    for (const [i, value] of read(rates, atMs).entries()) expect(value).toBeCloseTo(before[i]!, 12);
  };
  const settled = fc.integer({ min: START_MS - 70 * DAY_MS, max: START_MS + 70 * DAY_MS });
  fc.assert(fc.property(someOutcomes, settled, fc.integer({ min: 0, max: 100 * DAY_MS }), holds));
});

test("bytes keep everything, and equal sums have equal bytes", () => {
  const holds = (outcomes: Outcome[], settledMs: number): void => {
    const rates = summed(outcomes);
    rates.settle("hero", settledMs, TIMEOUT_MS);
    const bytes = rates.encode();
    expect(ContentRates.decode(bytes).encode()).toEqual(bytes);
  };
  fc.assert(fc.property(someOutcomes, fc.integer({ min: 0, max: START_MS + 70 * DAY_MS }), holds));
  expect(() => ContentRates.decode(Uint8Array.of(9, 0))).toThrow(
    expect.objectContaining({ code: "RATES_UNREADABLE" }),
  );
  expect(() =>
    ContentRates.decode(
      summed([outcome({})])
        .encode()
        .subarray(0, 40),
    ),
  ).toThrow(expect.objectContaining({ code: "RECORD_TRUNCATED" }));
});

test("what weighs nothing any more is forgotten, and cells of nothing with it", () => {
  const rates = summed([outcome({}), outcome({ content: "b", shownAtMs: START_MS + 17 * 28 * DAY_MS })]);
  rates.settle("hero", START_MS + 18 * 28 * DAY_MS, TIMEOUT_MS);
  expect(read(rates, START_MS + 18 * 28 * DAY_MS)).toEqual([0, 0, 0]);
  expect(read(rates, START_MS + 18 * 28 * DAY_MS, { content: "b" })[0]).toBeCloseTo(0.5, 12);
  rates.add(outcome({}));
  expect(read(rates, START_MS + 18 * 28 * DAY_MS)).toEqual([0, 0, 0]);
  rates.settle("hero", START_MS + 40 * 28 * DAY_MS, TIMEOUT_MS);
  expect(rates.isEmpty).toBe(true);
});

test("rates that forget at different paces never merge", () => {
  const slow = new ContentRates({ halfLifeMinutes: 2 * RATE_TIME.halfLifeMinutes });
  expect(() => new ContentRates().merge(slow)).toThrow(expect.objectContaining({ code: "ASSERTION_FAILED" }));
});
