import { bench, describe } from "vitest";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { newScoreBuffer, prepareScorer, scoreInto } from "../../src/resonance/scorer.ts";
import { plainScoreInto } from "../../test/reference/plain-score.ts";

const DIM = 32;
/** Dot products an iteration: fewer scores where a map has more segments. */
const PRODUCTS = process.env["BENCH_SCALE"] === "full" ? 2_000_000 : 64_000;
const random = seededRandom(42);
const someVector = () => Float32Array.from({ length: DIM }, () => random() - 0.5);
const embeddings = Array.from({ length: 256 }, someVector);

for (const mode of ["exclusive", "independent"] as const) {
  for (const segments of [8, 64, 1_024]) {
    const scores = Math.ceil(PRODUCTS / segments);
    describe(`score ${scores} times, ${segments} segments, ${DIM} dimensions, ${mode}`, () => {
      const scorer = aScorer(mode, segments);
      const out = newScoreBuffer(segments);
      const expected = scoreAll(plainScoreInto);
      for (const [name, score] of [
        ["vector kernel", scoreInto],
        ["plain", plainScoreInto],
      ] as const) {
        bench(name, () => {
          assert(Math.abs(scoreAll(score) - expected) < 1e-6, "both say the same");
        });
      }

      function scoreAll(score: typeof scoreInto): number {
        let sum = 0;
        for (let i = 0; i < scores; i++) {
          score(scorer, embeddings[i % embeddings.length]!, 3, out);
          sum += out.probabilities[i % segments]! + out.similarities[i % segments]!;
        }
        return sum;
      }
    });
  }
}

function aScorer(mode: "exclusive" | "independent", segments: number) {
  const profiles = Array.from({ length: segments }, (_, k) => ({
    segment: `s${k}`,
    members: 10,
    centroid: someVector(),
  }));
  return prepareScorer({
    map: "bench",
    mode,
    version: 1,
    encoder: "bench",
    dim: DIM,
    watermarkMs: 0,
    profiles,
    background: 5,
    calibration: defaultCalibration("bench", "bench", segments),
    threshold: { enter: 0.5, minEvidence: 1 },
  });
}
