import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "../../src/resonance/scorer.ts";
import { readyThresholds } from "../../src/resonance/thresholds.ts";
import { plainScoreInto } from "../reference/plain-score.ts";

const MODES = ["exclusive", "independent"] as const;

/** A scorer of random numbers, as wide and as sharp as asked. */
function aScorer(given: {
  mode?: Scorer["mode"];
  dim: number;
  segments: number;
  seed?: number;
  kappa?: number;
  spread?: number;
}): Scorer {
  const { mode = "exclusive", dim, segments, seed = 1, kappa = 10, spread = 1 } = given;
  const random = seededRandom(seed);
  const around = () => 2 * random() - 1;
  const direction = () => {
    const numbers = Array.from({ length: dim }, around);
    const norm = Math.hypot(...numbers);
    return numbers.map((x) => x / norm);
  };
  return {
    map: "m",
    version: 1,
    encoder: "e",
    mode,
    segments: Array.from({ length: segments }, (_, k) => `s${k}`),
    dim,
    center: Float32Array.from({ length: dim }, () => 0.1 * around()),
    directions: Float32Array.from(Array.from({ length: segments }, direction).flat()),
    logPrior: Float64Array.from({ length: segments + 1 }, () => spread * around()),
    calibration: {
      encoder: "e",
      map: "m",
      depthEnds: [3, Number.POSITIVE_INFINITY],
      kappa: [kappa / 2, kappa],
      intercepts: Array.from({ length: segments }, () => spread * around()),
      noneIntercept: spread * around(),
      members: 1,
    },
    thresholds: readyThresholds(segments, { enter: 0.5, minEvidence: 1 }, undefined),
  };
}

function someEmbedding(dim: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: dim }, () => random() - 0.5);
}

/** Scores both ways and compares every number. */
function expectSame(scorer: Scorer, embedding: Float32Array, evidence: number, offsets?: Float64Array): void {
  const [actual, expected] = [newScoreBuffer(scorer.segments.length), newScoreBuffer(scorer.segments.length)];
  scoreInto(scorer, embedding, evidence, actual, offsets);
  plainScoreInto(scorer, embedding, evidence, expected, offsets);
  expectClose(actual.similarities, expected.similarities);
  expectClose(actual.probabilities, expected.probabilities);
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  const furthest = actual.reduce((most, x, k) => Math.max(most, Math.abs(x - expected[k]!)), 0);
  expect(furthest).toBeLessThan(1e-12);
}

describe.each(MODES)("%s", (mode) => {
  test("the kernel says what plain code says, whatever the shape", () => {
    const shape = fc.record({
      dim: fc.integer({ min: 1, max: 128 }),
      segments: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 71, max: 1_024 })),
      seed: fc.nat(),
    });
    const holds = (given: { dim: number; segments: number; seed: number }, evidence: number) =>
      expectSame(aScorer({ mode, ...given }), someEmbedding(given.dim, given.seed), evidence);
    fc.assert(fc.property(shape, fc.double({ min: 0, max: 20, noNaN: true }), holds), { numRuns: 150 });
  });

  test("every number of segments up to three tiles, and none at all", () => {
    for (let segments = 0; segments <= 26; segments++) {
      expectSame(aScorer({ mode, dim: 5, segments }), someEmbedding(5, segments), 2);
    }
  });

  test("what one user's prior differs by, and nothing of it for the next", () => {
    const random = seededRandom(5);
    for (let segments = 0; segments <= 26; segments++) {
      const scorer = aScorer({ mode, dim: 6, segments });
      const offsets = Float64Array.from({ length: segments + 1 }, () => 8 * random() - 4);
      expectSame(scorer, someEmbedding(6, segments), 2, offsets);
      expectSame(scorer, someEmbedding(6, segments), 9);
    }
  });

  test("an embedding of zeros, and one that is the centre", () => {
    const scorer = aScorer({ mode, dim: 7, segments: 9 });
    expectSame(scorer, new Float32Array(7), 2);
    expectSame(scorer, scorer.center, 2);
  });

  test.each([1e2, 1e4, 1e6, 1e300])("logits up to %d", (spread) => {
    for (let seed = 1; seed <= 20; seed++) {
      const scorer = aScorer({ mode, dim: 4, segments: 11, seed, spread, kappa: spread });
      expectSame(scorer, someEmbedding(4, seed), 1);
      expectSame(scorer, someEmbedding(4, seed), 0);
    }
  });

  test("an embedding that is not a number is told as none, not as a segment", () => {
    const scorer = aScorer({ mode, dim: 4, segments: 9 });
    const out = newScoreBuffer(9);
    scoreInto(scorer, new Float32Array(4).fill(Number.NaN), 1, out);
    const expected = newScoreBuffer(9);
    plainScoreInto(scorer, new Float32Array(4).fill(Number.NaN), 1, expected);
    expect(out).toEqual(expected);
  });
});

test("small probabilities are exact relative to their size: e^x is, from -700 to 700", () => {
  const scorer = aScorer({ mode: "independent", dim: 2, segments: 1_000 });
  const random = seededRandom(7);
  for (let k = 0; k < 1_000; k++) scorer.logPrior[k] = 1_400 * random() - 700;
  const [actual, expected] = [newScoreBuffer(1_000), newScoreBuffer(1_000)];
  scoreInto(scorer, new Float32Array(2), 0, actual);
  plainScoreInto(scorer, new Float32Array(2), 0, expected);
  for (const [k, p] of expected.probabilities.subarray(0, 1_000).entries()) {
    expect(Math.abs(actual.probabilities[k]! / p - 1)).toBeLessThan(2e-15);
  }
});

test("softmax of scaled cosines and log priors is that of METHODS 2.5", () => {
  const cosines = [0.82, 0.55, 0.1];
  // The embedding is the first axis; a direction's first number is its cosine.
  const scorer: Scorer = {
    ...aScorer({ dim: 2, segments: 3 }),
    center: new Float32Array(2),
    directions: Float32Array.from(cosines.flatMap((cosine) => [cosine, Math.sqrt(1 - cosine ** 2)])),
    logPrior: Float64Array.of(...[0.5, 0.3, 0.2].map(Math.log), Number.NEGATIVE_INFINITY),
    calibration: {
      ...aScorer({ dim: 2, segments: 3 }).calibration,
      depthEnds: [Number.POSITIVE_INFINITY],
      kappa: [10],
      intercepts: [0, 0, 0],
      noneIntercept: 0,
    },
  };
  const out = newScoreBuffer(3);
  scoreInto(scorer, Float32Array.of(1, 0), 5, out);
  const expected = [0.960963785, 0.038749238, 0.000286977, 0];
  // Directions are single precision, which moves kappa times a cosine by some 1e-7.
  for (const [k, p] of out.probabilities.entries()) expect(p).toBeCloseTo(expected[k]!, 6);
});

test("scorers by turns, in and out of the memory: each says what it says alone", () => {
  // 1,024 x 128 float64 are 1 MiB: the memory has room for fifteen.
  const scorers = Array.from({ length: 40 }, (_, seed) => aScorer({ dim: 128, segments: 1_024, seed }));
  const small = aScorer({ dim: 3, segments: 4 });
  for (const [seed, scorer] of [...scorers, ...scorers.slice(0, 3)].entries()) {
    expectSame(scorer, someEmbedding(128, seed), 2);
    expectSame(small, someEmbedding(3, seed), 2);
  }
});
