import fc from "fast-check";
import { expect, test } from "vitest";
import { betaAbove, betaMean, credibleInterval } from "../../src/content/beta.ts";
import { ContentRates } from "../../src/content/content-rates.ts";
import { clickPosterior, rateTable } from "../../src/content/rate-table.ts";
import { memberResponsibilities } from "../../src/content/responsibilities.ts";

const DAY_MS = 86_400_000;
const START_MS = 735 * 28 * DAY_MS;
const TIMEOUT_MS = 1_800_000;
const SEGMENTS = ["loyal", "new"];

/** Outcomes of member impressions at the start, one a letter: `1` clicked, `0` not, `$` bought too. */
function ratesOf(outcomes: Readonly<Record<string, string>>, time?: ContentRates["time"]): ContentRates {
  const rates = new ContentRates(time);
  for (const [key, letters] of Object.entries(outcomes)) {
    const [segment, content] = key.split(" ") as [string, string];
    for (const letter of letters) {
      const one = { placement: "hero", content, shownAtMs: START_MS, who: memberResponsibilities(segment) };
      rates.add({ ...one, kind: "shown" });
      if (letter !== "0") rates.add({ ...one, kind: "clicked" });
      if (letter === "$") rates.add({ ...one, kind: "purchased" });
    }
  }
  return rates;
}
const tableOf = (rates: ContentRates, atMs: number, contents: readonly string[] = ["a", "b"]) =>
  rateTable(rates, { placement: "hero", segments: SEGMENTS, contents, atMs, timeoutMs: TIMEOUT_MS });

test("outcomes move a posterior, and time moves it back to its prior: the vectors of METHODS 3.5", () => {
  const rates = new ContentRates();
  const sums = new Float64Array(3);
  for (const clicked of [true, false, false, true]) {
    const one = {
      placement: "hero",
      content: "a",
      shownAtMs: START_MS,
      who: memberResponsibilities("loyal"),
    };
    rates.add({ ...one, kind: "shown" });
    if (clicked) rates.add({ ...one, kind: "clicked" });
  }
  rates.readInto(
    sums,
    { placement: "hero", content: "a", segment: "loyal" },
    START_MS + 14 * DAY_MS,
    TIMEOUT_MS,
  );
  const [shown, clicked] = [sums[0]!, sums[1]!];
  const faded = betaAbove(0.05, 20, clicked, shown);
  expect(faded.a).toBeCloseTo(2.414213562, 9);
  expect(faded.b).toBeCloseTo(20.414213562, 9);
  expect(betaMean(faded)).toBeCloseTo(0.105754705, 8);
  const [low, high] = credibleInterval(faded);
  expect(low).toBeCloseTo(0.01800348, 7);
  expect(high).toBeCloseTo(0.25728156, 7);
  expect(betaAbove(0.05, 20, 2, 4)).toEqual({ a: 3, b: 21 });
  expect(betaMean({ a: 3, b: 21 })).toBe(0.125);
});

test("of nothing known, every rate is the prior's", () => {
  const table = tableOf(new ContentRates(), START_MS);
  expect([...table.a]).toEqual(new Array(6).fill(1));
  expect([...table.b]).toEqual(new Array(6).fill(19));
});

test("a segment's rate starts from the content's, and that from the placement's", () => {
  const table = tableOf(ratesOf({ "loyal a": "1111100000", "new a": "0000000000" }), START_MS + 28 * DAY_MS);
  const mean = (k: number, content: number) => betaMean(clickPosterior(table, k, content));
  // All sums are halves by now: 2.5 clicks of 10 impressions.
  const placement = (1 + 2.5) / (20 + 10);
  const everybody = (20 * placement + 2.5) / (20 + 10);
  expect(mean(2, 0)).toBeCloseTo(everybody, 12);
  expect(mean(2, 1)).toBeCloseTo(placement, 12);
  expect(mean(0, 0)).toBeCloseTo((20 * everybody + 2.5) / (20 + 5), 12);
  expect(mean(1, 0)).toBeCloseTo((20 * everybody) / (20 + 5), 12);
  expect(mean(0, 1)).toBeCloseTo(placement, 12);
});

test("with an endless half-life it is plain Bayes", () => {
  const letters = fc.string({ unit: fc.constantFrom("0", "1"), maxLength: 40 });
  const holds = (given: string): void => {
    const time = { halfLifeMinutes: 2 ** 60 };
    const table = tableOf(ratesOf({ "loyal a": given }, time), START_MS + 10_000 * DAY_MS, ["a"]);
    const clicks = [...given].filter((letter) => letter === "1").length;
    const placement = (1 + clicks) / (20 + given.length);
    const everybody = (20 * placement + clicks) / (20 + given.length);
    const { a, b } = clickPosterior(table, 0, 0);
    expect(a).toBeCloseTo(20 * everybody + clicks, 6);
    expect(b).toBeCloseTo(20 * (1 - everybody) + given.length - clicks, 6);
  };
  fc.assert(fc.property(letters, holds));
});

test("purchases are outcomes of clicks, in a table of their own", () => {
  const table = tableOf(ratesOf({ "loyal a": "$$10000000" }), START_MS + 28 * DAY_MS, ["a"]);
  // Halves by now: one purchase of one and a half clicks.
  const placement = (1 + 1) / (20 + 1.5);
  const everybody = (20 * placement + 1) / (20 + 1.5);
  expect(table.purchaseA[2]).toBeCloseTo(20 * placement + 1, 12);
  expect(table.purchaseA[0]).toBeCloseTo(20 * everybody + 1, 12);
  expect(table.purchaseB[0]).toBeCloseTo(20 * (1 - everybody) + 0.5, 12);
});

test("a click whose impression was lost leaves every posterior proper", () => {
  const rates = new ContentRates();
  const one = { placement: "hero", content: "a", shownAtMs: START_MS, who: memberResponsibilities("loyal") };
  rates.add({ ...one, kind: "clicked" });
  const table = tableOf(rates, START_MS + DAY_MS);
  for (const value of [...table.a, ...table.b]) expect(value).toBeGreaterThan(0);
});
