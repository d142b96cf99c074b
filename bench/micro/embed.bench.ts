import { bench, describe } from "vitest";
import { linearArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { plainEmbed } from "../../test/reference/plain-linear-encoder.ts";

const DIM = 32;
const EMBEDS = process.env["BENCH_SCALE"] === "full" ? 100_000 : 1_000;
const NOW_MS = 1_700_000_000_000;
const random = seededRandom(42);
const numbers = (length: number) => Float32Array.from({ length }, () => random() - 0.5);

const artefact = linearArtefact({
  schema: FEATURES.version,
  dim: DIM,
  supervised: 20,
  fill: 1,
  halfLifeMs: 86_400_000,
  power: 0.5,
  valueSplits: [],
  tokens: new Uint32Array(0),
  table: new Float32Array(0),
  early: new Float32Array(0),
  mean: numbers(FEATURES.width),
  scale: new Float32Array(FEATURES.width).fill(1),
  dense: numbers(FEATURES.width * DIM),
  bias: numbers(DIM),
});
const linear = linearEncoder(artefact, FEATURES);
const untrained = untrainedEncoder(FEATURES);
const plain = { embed: plainEmbed(artefact) };

for (const notZero of [37, FEATURES.width]) {
  describe(`embed ${EMBEDS} times, ${notZero} of ${FEATURES.width} features not 0, ${DIM} dimensions`, () => {
    const users = Array.from({ length: 64 }, () => aUser(notZero));
    const out = new Float32Array(DIM);
    const expected = embedAll(plain);
    bench("vector kernel", () => {
      const embedded = embedAll(linear);
      assert(Math.abs(embedded - expected) < 1e-6 * EMBEDS, "both say the same");
    });
    bench("plain", () => {
      assert(embedAll(plain) === expected, "the bench still computes what it did");
    });
    const byChance = embedAll(untrained);
    bench("untrained", () => {
      const embedded = embedAll(untrained);
      assert(embedded === byChance, "the bench still computes what it did");
    });

    function embedAll(encoder: typeof plain): number {
      let sum = 0;
      for (let i = 0; i < EMBEDS; i++) {
        const { slab, features } = users[i % users.length]!;
        encoder.embed(slab, 0, features, NOW_MS, out);
        sum += out[i % DIM]!;
      }
      return sum;
    }
  });
}

/** A user of some minutes ago, of whom so many features are not 0. */
function aUser(notZero: number) {
  const slab = Float64Array.from({ length: linear.slots }, () => random());
  slab[0] = NOW_MS - Math.floor(random() * 600_000);
  slab[1] = 1 + 9 * random();
  const features = new Float32Array(FEATURES.width);
  for (let left = notZero; left > 0; ) {
    const feature = Math.floor(random() * FEATURES.width);
    if (features[feature] !== 0) continue;
    features[feature] = random() - 0.5;
    left--;
  }
  return { slab, features };
}
