import { expect, test } from "vitest";
import { feedbackEvidence } from "../../src/content/feedback-evidence.ts";
import {
  addTrustLosses,
  fittedTrust,
  NO_TRUST_SUMS,
  TRUST_GRID,
  trustLosses,
} from "../../src/content/feedback-trust.ts";
import { addEvidence, type Ledger } from "../../src/content/ledger.ts";
import type { RateTable } from "../../src/content/rate-table.ts";
import { seededRandom } from "../../src/kernel/random.ts";

const SEGMENTS = ["jazz", "rock", "folk"];
const PLACES = new Map(SEGMENTS.map((segment, k) => [segment, k]));
const LOG_PRIOR = Float64Array.from([0.4, 0.3, 0.2, 0.1], Math.log);
/** Clicks of a, b and c by jazz, rock, folk and everybody. */
const RATES = [
  [0.3, 0.1, 0.1],
  [0.1, 0.3, 0.1],
  [0.1, 0.1, 0.3],
  [0.15, 0.15, 0.15],
];
const TABLE: RateTable = {
  placement: "home",
  segments: SEGMENTS,
  contents: ["a", "b", "c"],
  a: Float64Array.from(RATES.flat(), (rate) => 1_000 * rate),
  b: Float64Array.from(RATES.flat(), (rate) => 1_000 * (1 - rate)),
  purchaseA: new Float64Array(12).fill(1),
  purchaseB: new Float64Array(12).fill(1),
  shown: new Float64Array(12).fill(1_000),
};
const OUTCOMES = 12;

/** The weight fitted on members each of whose outcomes is heard of so many times. */
function fittedOn(members: number, times: number): number | undefined {
  const random = seededRandom(3);
  let sums = NO_TRUST_SUMS;
  for (let u = 0; u < members; u++) {
    const segment = u % SEGMENTS.length;
    let ledger: Ledger | undefined;
    for (let i = 0; i < OUTCOMES; i++) {
      const content = i % 3;
      const isClicked = random() < (RATES[segment]?.[content] ?? 0);
      const prior = LOG_PRIOR.map(Math.exp);
      const trust = { examination: 1, weight: 1 };
      const evidence = feedbackEvidence(TABLE, content, isClicked, prior, trust);
      for (let time = 0; time < times; time++) ledger = addEvidence(ledger, evidence, 0);
    }
    if (ledger !== undefined) sums = addTrustLosses(sums, trustLosses(ledger, PLACES, LOG_PRIOR, segment, 0));
  }
  return fittedTrust(sums);
}

test("outcomes that are independent are believed, and those that only repeat others in proportion", () => {
  expect(fittedOn(3_000, 1)).toBeGreaterThanOrEqual(0.8);
  expect(fittedOn(3_000, 2)).toBeCloseTo(0.5, 1);
  expect(fittedOn(3_000, 4)).toBeLessThanOrEqual(0.3);
});

test("of a few members nothing is fitted", () => {
  expect(fittedOn(199, 1)).toBeUndefined();
  expect(fittedOn(200, 1)).toBeDefined();
});

test("under each weight the loss is that of the prior and the ledger, times that weight", () => {
  const evidence = { segments: ["jazz", "rock"], values: [1, -1], rest: 0 };
  const ledger = addEvidence(undefined, evidence, 0);
  const losses = trustLosses(ledger, PLACES, LOG_PRIOR, 0, 0);
  for (const [i, weight] of TRUST_GRID.entries()) {
    const odds = [0.4 * Math.exp(weight), 0.3 * Math.exp(-weight), 0.2, 0.1];
    const sum = odds.reduce((total, one) => total + one, 0);
    expect(losses[i]).toBeCloseTo(-Math.log((odds[0] ?? 0) / sum), 12);
  }
});
