import { expect, test } from "vitest";
import { commerce } from "../../src/features/commerce.ts";
import { aFeatureEvent, codeOf, DAY_MS, readAfter, START_MS } from "./some-events.ts";

const purchase = (value: number, day = 0) =>
  aFeatureEvent({ typeCode: codeOf("purchase"), value, tsMs: START_MS + day * DAY_MS });
const view = aFeatureEvent();
const basket = aFeatureEvent({ typeCode: codeOf("add_to_cart"), value: 99 });

test("sums, mean and largest amount forget by half-lives of 14 days", () => {
  const reading = readAfter(commerce, [purchase(100), purchase(20, 14)], START_MS + 28 * DAY_MS);
  expect(Math.expm1(reading["spent"] ?? 0)).toBeCloseTo((100 * 0.5 + 20) * 0.5, 9);
  expect(Math.expm1(reading["mean_amount"] ?? 0)).toBeCloseTo(70 / 1.5, 9);
  expect(Math.expm1(reading["largest_amount"] ?? 0)).toBeCloseTo(25, 9);
  expect(Math.expm1(reading["purchases"] ?? 0)).toBeCloseTo(0.75, 9);
});

test("baskets forget as purchases do", () => {
  expect(Math.expm1(readAfter(commerce, [basket], START_MS + 14 * DAY_MS)["baskets"] ?? 0)).toBeCloseTo(
    0.5,
    9,
  );
});

test("conversion is purchases by all steps, and by baskets alone", () => {
  const reading = readAfter(commerce, [view, view, basket, purchase(5)]);
  expect(reading["conversion"]).toBeCloseTo(1 / 4, 9);
  expect(reading["basket_conversion"]).toBeCloseTo(1 / 2, 9);
});

test("the value of a basket is not money yet", () => {
  expect(readAfter(commerce, [basket])["spent"]).toBe(0);
});

test("a purchase without an amount does not lower the mean", () => {
  const reading = readAfter(commerce, [purchase(50), purchase(Number.NaN)]);
  expect(Math.expm1(reading["mean_amount"] ?? 0)).toBeCloseTo(50, 9);
});

test("days are counted from the newest purchase, and who never bought is told apart", () => {
  const reading = readAfter(commerce, [purchase(5, 3), purchase(5, 1)], START_MS + 10 * DAY_MS);
  expect(Math.expm1(reading["days_since"] ?? 0)).toBeCloseTo(7, 9);
  expect(reading["bought"]).toBe(1);
  expect(readAfter(commerce, [view])["bought"]).toBe(0);
});
