import { bench } from "vitest";
import { assert } from "../../src/kernel/assert.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { newScoreBuffer, prepareScorer, type Scorer, scoreInto } from "../../src/resonance/scorer.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const SCORES = isFull ? 100_000 : 1_000;
const EMBEDDINGS = 256;
const SEGMENTS = 64;
const DIM = 32;

const random = seededRandom(42);
const embeddings = Array.from({ length: EMBEDDINGS }, () => unitVector());
const evidence = Float64Array.from({ length: EMBEDDINGS }, () => random() * 50);
const buffer = newScoreBuffer(SEGMENTS);

for (const mode of ["exclusive", "independent"] as const) {
  const scorer = aScorer(mode);
  const expected = scoreAll(scorer);
  assert(Number.isFinite(expected), "the probabilities are numbers");
  bench(`score ${SCORES} times, ${SEGMENTS} segments, dim ${DIM}, ${mode}`, () => {
    assert(scoreAll(scorer) === expected, "the bench still computes what it did");
  });
}

function scoreAll(scorer: Scorer): number {
  let sum = 0;
  for (let i = 0; i < SCORES; i++) {
    const at = i % EMBEDDINGS;
    scoreInto(scorer, embeddings[at]!, evidence[at]!, buffer);
    sum += buffer.probabilities[i % SEGMENTS]!;
  }
  return sum;
}

function aScorer(mode: Scorer["mode"]): Scorer {
  const profiles = Array.from({ length: SEGMENTS }, (_, k) => ({
    segment: `segment-${k}`,
    members: 10 + k,
    centroid: unitVector(),
  }));
  return prepareScorer({
    map: "bench",
    mode,
    version: 1,
    encoder: "e1",
    dim: DIM,
    watermarkMs: 0,
    profiles,
    background: 20,
    calibration: defaultCalibration("e1", "bench", SEGMENTS),
    threshold: { enter: 0.5, minEvidence: 1 },
  });
}

function unitVector(): Float32Array {
  const values = Float32Array.from({ length: DIM }, () => gaussian(random));
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}
