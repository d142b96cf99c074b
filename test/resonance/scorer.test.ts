import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { leaveThreshold } from "../../src/resonance/hysteresis.ts";
import { isotonic } from "../../src/resonance/isotonic.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import {
  kappaAt,
  newScoreBuffer,
  prepareScorer,
  priorScorer,
  scoreInto,
} from "../../src/resonance/scorer.ts";
import { isOff, nextResonating, readyThresholds } from "../../src/resonance/thresholds.ts";

const DIM = 3;
const published = (given: {
  members: number[];
  centroids: number[][];
  mode?: "exclusive" | "independent";
  background?: number;
}): PublishedProfiles => ({
  map: "life",
  mode: given.mode ?? "exclusive",
  version: 1,
  encoder: "e",
  dim: DIM,
  watermarkMs: 0,
  profiles: given.centroids.map((centroid, k) => ({
    segment: `s${k}`,
    members: given.members[k] ?? 0,
    centroid: Float32Array.from(centroid),
  })),
  background: given.background ?? 0,
  calibration: {
    ...defaultCalibration("e", "life", given.centroids.length),
    depthEnds: [Number.POSITIVE_INFINITY],
    kappa: [10],
  },
  threshold: { enter: 0.5, minEvidence: 1 },
});
const scored = (profiles: PublishedProfiles, embedding: number[], evidence: number) => {
  const out = newScoreBuffer(profiles.profiles.length);
  scoreInto(prepareScorer(profiles), Float32Array.from(embedding), evidence, out);
  return out;
};
const someVector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: DIM, maxLength: DIM });
const someProfiles = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), someVector), {
  minLength: 1,
  maxLength: 6,
});

test("probabilities over the segments and none sum to one", () => {
  const holds = (given: [number, number[]][], embedding: number[], evidence: number) => {
    const profiles = published({ members: given.map(([n]) => n), centroids: given.map(([, c]) => c) });
    const { probabilities } = scored(profiles, embedding, evidence);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
    expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
  };
  fc.assert(fc.property(someProfiles, someVector, fc.double({ min: 0, max: 100, noNaN: true }), holds));
});

test("without evidence the answer is the prior, whatever the embedding", () => {
  const profiles = published({
    members: [30, 10],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
    ],
  });
  const { probabilities } = scored(profiles, [1, 0, 0], 0);
  expect([...probabilities]).toEqual([31 / 42.5, 11 / 42.5, 0.5 / 42.5].map((p) => expect.closeTo(p, 12)));
});

test("an embedding on a segment's side is told as that segment; two segments point opposite ways", () => {
  const profiles = published({
    members: [10, 10],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
    ],
  });
  const { probabilities, similarities } = scored(profiles, [0.9, 0.1, 0], 5);
  expect(similarities[0]).toBeCloseTo(1, 6);
  expect(similarities[1]).toBeCloseTo(-1, 6);
  expect(probabilities[0]).toBeGreaterThan(0.99);
});

test("softmax of scaled cosines and log priors is that of METHODS 2.5", () => {
  const kappa = 10;
  const cosines = [0.82, 0.55, 0.1];
  const prior = [0.5, 0.3, 0.2];
  const logits = cosines.map((cosine, k) => kappa * cosine + Math.log(prior[k] ?? 0));
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const expected = [0.960963785, 0.038749238, 0.000286977];
  for (const [k, logit] of logits.entries()) expect(Math.exp(logit) / total).toBeCloseTo(expected[k] ?? 0, 8);
});

test("a segment without members has similarity 0 and only its prior", () => {
  const profiles = published({
    members: [10, 10, 0],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  });
  expect(scored(profiles, [0, 0, 1], 5).similarities[2]).toBe(0);
});

test("independent segments are told one by one", () => {
  const profiles = published({
    members: [10, 10],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    mode: "independent",
  });
  const { probabilities } = scored(profiles, [0.9, 0.1, 0], 5);
  expect(probabilities[0]).toBeGreaterThan(0.9);
  expect(probabilities[1]).toBeLessThan(0.1);
  expect(probabilities[2]).toBe(0);
});

test("an embedding of another encoder is refused", () => {
  const profiles = published({
    members: [1, 1],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
    ],
  });
  expect(() => scored(profiles, [1, 0], 1)).toThrowError(
    expect.objectContaining({ code: "DIMENSION_MISMATCH" }),
  );
});

test("before the first publication everything is equally likely", () => {
  const map = {
    name: "m",
    mode: "exclusive" as const,
    segments: [{ name: "a" }, { name: "b" }, { name: "c" }],
    window: { bucketMs: 1, buckets: 1 },
    threshold: { enter: 0.5, minEvidence: 1 },
  };
  const out = newScoreBuffer(3);
  scoreInto(priorScorer(map, { version: "e", dim: DIM }), Float32Array.of(1, 0, 0), 9, out);
  expect([...out.probabilities]).toEqual([0.25, 0.25, 0.25, 0.25].map((p) => expect.closeTo(p, 12)));
});

test("the temperature follows the length of the history, and 1.98 decayed events are two", () => {
  const calibration = { depthEnds: [2, 5, Number.POSITIVE_INFINITY], kappa: [1, 2, 3] };
  expect([0.5, 1.98, 2, 2.6, 5.2, 6, 1e9].map((evidence) => kappaAt(calibration, evidence))).toEqual([
    1, 1, 1, 2, 2, 3, 3,
  ]);
});

test("entering takes the threshold, leaving takes less: METHODS 2.5", () => {
  expect(leaveThreshold(0.7)).toBeCloseTo(0.53676, 5);
  const thresholds = readyThresholds(1, { enter: 0.7, minEvidence: 1 }, undefined);
  let on = false;
  const states = [0.65, 0.71, 0.69, 0.54, 0.53, 0.72].map((p) => {
    on = nextResonating(on, p, 5, thresholds, 0);
    return on;
  });
  expect(states).toEqual([false, true, true, true, false, true]);
});

test("nobody starts to resonate on less evidence than the map asks for", () => {
  const thresholds = readyThresholds(1, { enter: 0.7, minEvidence: 1 }, undefined);
  expect(nextResonating(false, 0.9, 0.5, thresholds, 0)).toBe(false);
});

test("a segment that is off is never entered, and left at the next event", () => {
  const on = { enter: 0.8, leave: leaveThreshold(0.8), minEvidence: 2 };
  const rule = { precision: 0.9, confidence: 0.95, minEvidence: 1 };
  const thresholds = readyThresholds(2, rule, [{ enter: null, why: "not-fitted" }, on]);
  expect([0, 1].map((segment) => isOff(thresholds, segment))).toEqual([true, false]);
  expect([false, true].map((was) => nextResonating(was, 1, 9, thresholds, 0))).toEqual([false, false]);
  expect([1, 2].map((evidence) => nextResonating(false, 0.8, evidence, thresholds, 1))).toEqual([
    false,
    true,
  ]);
  // Before anything was fitted all segments of such a map are off.
  expect(nextResonating(false, 1, 9, readyThresholds(2, rule, undefined), 1)).toBe(false);
});

test("a segment's slope multiplies its inverse temperature and leaves its similarity as it is", () => {
  const given = {
    members: [5, 9, 7],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
      [0.5, 0.5, 1],
    ],
    mode: "independent" as const,
  };
  const plain = published(given);
  const slopes = [0.3, 2.5, 1];
  const calibration = { ...plain.calibration, slopes, intercepts: [0.1, -0.2, 0.3] };
  const [one, other] = [newScoreBuffer(3), newScoreBuffer(3)];
  const sloped = prepareScorer({ ...plain, calibration });
  const embedding = Float32Array.of(0.7, -0.6, 0.2);
  scoreInto(prepareScorer(plain), embedding, 8, one);
  scoreInto(sloped, embedding, 8, other);
  for (let k = 0; k < 3; k++) {
    expect(other.similarities[k]).toBeCloseTo(one.similarities[k]!, 6);
    const told = kappaAt(calibration, 8) * slopes[k]! * one.similarities[k]! + calibration.intercepts[k]!;
    expect(other.probabilities[k]).toBeCloseTo(1 / (1 + Math.exp(-told - sloped.logPrior[k]!)), 6);
  }
});

test("shares of the traffic take the place of the members'", () => {
  const plain = published({
    members: [90, 10],
    centroids: [
      [1, 0, 0],
      [0, 1, 0],
    ],
  });
  const prior = [0.2, 0.5, 0.3];
  const scores = newScoreBuffer(2);
  scoreInto(
    prepareScorer({ ...plain, calibration: { ...plain.calibration, prior } }),
    new Float32Array(3),
    0,
    scores,
  );
  for (const [k, share] of prior.entries()) expect(scores.probabilities[k]).toBeCloseTo(share, 12);
});

test("isotonic regression pools what falls: METHODS 2.5", () => {
  const third = 1 / 3;
  expect(isotonic([0, 1, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1])).toEqual(
    [0, third, third, third, 1, 1].map((v) => expect.closeTo(v, 12)),
  );
});
