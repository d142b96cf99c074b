import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import {
  directRates,
  estimateCount,
  estimateVariance,
  respondDirectly,
  respondUnary,
  unaryFrom,
  unaryRates,
} from "../../../src/privacy/location/randomised-response.ts";

test("the rates and estimates are those of METHODS 1.6", () => {
  const ten = directRates(10, 1);
  expect(ten.p).toBeCloseTo(0.2319693167, 10);
  expect(ten.q).toBeCloseTo(0.0853367426, 10);
  expect(estimateCount(10_000, 2_000, ten)).toBeCloseTo(7819.767, 3);
  const many = directRates(64, 4);
  expect(many.p).toBeCloseTo(0.4642772868, 10);
  expect(many.q).toBeCloseTo(0.0085035351, 10);
  expect(unaryRates(1).q).toBeCloseTo(0.2689414214, 10);
  expect(estimateVariance(unaryRates(1))).toBeCloseTo(3.6826943768, 10);
  expect(unaryFrom(1)).toBeCloseTo(10.1548, 4);
  expect(unaryFrom(2)).toBeCloseTo(24.1672, 4);
});

const someCase = fc.record({
  values: fc.integer({ min: 2, max: 60 }),
  epsilon: fc.double({ min: 0.01, max: 8, noNaN: true }),
});

test("no report is more than e^epsilon times likelier for one value than for another", () => {
  const holds = ({ values, epsilon }: { values: number; epsilon: number }) => {
    const { p, q } = directRates(values, epsilon);
    expect(p + (values - 1) * q).toBeCloseTo(1, 12);
    expect(p / q).toBeLessThanOrEqual(Math.exp(epsilon) * (1 + 1e-12));
    const bits = unaryRates(epsilon);
    const ratio = (bits.p / bits.q) * ((1 - bits.q) / (1 - bits.p));
    expect(ratio).toBeLessThanOrEqual(Math.exp(epsilon) * (1 + 1e-9));
  };
  fc.assert(fc.property(someCase, holds));
});

test("each value is reported for its own share of the chances", () => {
  const holds = ({ values, epsilon }: { values: number; epsilon: number }, at: number) => {
    const truth = at % values;
    const { p, q } = directRates(values, epsilon);
    // The first chance of each share, and the last.
    expect(respondDirectly(truth, values, epsilon, 0)).toBe(truth);
    const others = Array.from({ length: values - 1 }, (_, other) =>
      respondDirectly(truth, values, epsilon, p + (other + 0.5) * q),
    );
    expect(new Set([truth, ...others]).size).toBe(values);
    const last = respondDirectly(truth, values, epsilon, 1 - 2 ** -53);
    expect(last).toBe(truth === values - 1 ? values - 2 : values - 1);
  };
  fc.assert(fc.property(someCase, fc.nat(59), holds));
});

test("from many reports the shares come out, with the error that the variance says", () => {
  const [reports, epsilon, values] = [40_000, 1.5, 8];
  const random = seededRandom(5);
  const truths = Array.from({ length: reports }, (_, i) => (i % 10 < 6 ? 2 : 5));
  const direct = truths.filter((truth) => respondDirectly(truth, values, epsilon, random()) === 2).length;
  const unary = truths.filter((truth) => {
    const chances = Array.from({ length: values }, () => random());
    return respondUnary(truth, epsilon, chances)[2] === 1;
  }).length;
  const told = [
    { counted: direct, rates: directRates(values, epsilon) },
    { counted: unary, rates: unaryRates(epsilon) },
  ];
  for (const { counted, rates } of told) {
    // Of a value that is not rare the true reports vary, too: by p (1 - p) instead of q (1 - q).
    const spread = Math.sqrt((0.25 / (rates.p - rates.q) ** 2) * reports);
    expect(Math.abs(estimateCount(reports, counted, rates) - 0.6 * reports)).toBeLessThan(4 * spread);
  }
});
