import { bench } from "vitest";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { decodeEntries, encodeBehaviours } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { prepareScorer } from "../../src/resonance/scorer.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../src/shards/outcome.ts";
import { newShardState, useDefinitions, useScorers } from "../../src/shards/shard-state.ts";

const full = process.env["BENCH_SCALE"] === "full";
const EVENTS = full ? 50_000 : 1_000;
const USERS = EVENTS / 10;
const SEGMENTS = 64;
const random = seededRandom(42);

const behaviours = Array.from({ length: EVENTS }, (_, i): Behaviour => {
  const pick = (n: number) => Math.floor(random() * n);
  return {
    kind: "behaviour",
    id: `e${i}`,
    user: `u${pick(USERS)}`,
    type: "view",
    tsMs: Date.UTC(2026, 0, 1) + i * 100,
    item: `item-${pick(500)}`,
    categories: [`c${pick(20)}`, `d${pick(60)}`],
  };
});
const bundles = encodeBehaviours(behaviours).map(({ data }) => data);

const map = {
  name: "bench",
  mode: "exclusive" as const,
  segments: Array.from({ length: SEGMENTS }, (_, k) => ({ name: `s${k}` })),
  window: { bucketMs: 86_400_000, buckets: 30 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

/** A shard with 64 published profiles and nobody in it yet. */
function freshShard() {
  const encoder = untrainedEncoder(FEATURES);
  const shard = newShardState({
    shard: 0,
    features: FEATURES,
    encoder,
    source: memoryContextStore(),
    residentUsers: USERS,
    ringEvents: 256,
  });
  useDefinitions(shard, { version: 1, maps: [map] });
  const profiles = map.segments.map(({ name }) => ({
    segment: name,
    members: 10,
    centroid: Float32Array.from({ length: encoder.dim }, () => random() - 0.5),
  }));
  const calibration = defaultCalibration(encoder.version, map.name, SEGMENTS);
  const { mode, threshold } = map;
  const published = {
    map: map.name,
    mode,
    version: 1,
    encoder: encoder.version,
    dim: encoder.dim,
    watermarkMs: 0,
    profiles,
    background: 0,
    calibration,
    threshold,
  };
  useScorers(shard, [prepareScorer(published)]);
  return shard;
}

bench(
  `decode, fold, encode and score ${EVENTS} events of ${USERS} users, ${SEGMENTS} segments, 32 dimensions`,
  () => {
    const shard = freshShard();
    const positioned = bundles.flatMap((data, i) =>
      decodeEntries(data).map((entry, place) => ({ sequence: i + 1, place, loggedAtMs: 0, entry })),
    );
    foldBatch(shard, positioned, emptyOutcome());
    assert(shard.counters.events === EVENTS, "every event counts once");
  },
  { iterations: full ? 5 : 2, warmupIterations: 1, time: 0 },
);
