import { bench } from "vitest";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { assert } from "../../src/kernel/assert.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { GRID, type Sample, type SampleBatch } from "../../src/profiles/sample.ts";
import { membersOf } from "../../src/profiles/window-sum.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const SAMPLES = isFull ? 200_000 : 2_000;
const MEMBERS = isFull ? 50_000 : 500;
const SEGMENTS = 64;
const DIM = 32;
const DAYS = 7;
const BATCH_SAMPLES = 1_000;
const DAY_MS = 86_400_000;
const START_MS = 20_000 * DAY_MS;

const segments = Array.from({ length: SEGMENTS }, (_, k) => ({ name: `segment-${k}` }));
const batches = sampleBatches(42);
const expected = MEMBERS; // Everyone has a sample in the window.

bench(
  `apply ${SAMPLES} samples of ${MEMBERS} members, ${SEGMENTS} segments, dim ${DIM}, and write them down`,
  async () => {
    const store = memoryProfileStore();
    const state = new ProfileState(store);
    const map = {
      name: "life",
      mode: "exclusive",
      segments,
      window: { bucketMs: DAY_MS, buckets: DAYS },
      threshold: { enter: 0.5, minEvidence: 1 },
    } as const;
    state.useMaps([map], 1);
    for (const [index, batch] of batches.entries()) {
      state.apply(index + 1, batch);
      await store.commit(state.takeCommit());
      state.passivate();
    }
    let members = 0;
    for (const sums of state.ledger("e1")?.sums.values() ?? []) members += membersOf(sums);
    assert(members === expected, "every member is counted once");
    assert(state.dropped === 0 && state.repeats === 0, "every sample counts");
  },
  isFull ? { iterations: 5, time: 0, warmupIterations: 1, warmupTime: 0 } : { iterations: 3, time: 50 },
);

/** Samples in the order of event time, as members act at random over the days of the window. */
function sampleBatches(seed: number): SampleBatch[] {
  const random = seededRandom(seed);
  const samples = Array.from({ length: SAMPLES }, (_, at): Sample => {
    // The first ones introduce every member.
    const member = at < MEMBERS ? at : Math.floor(random() * MEMBERS);
    return {
      sequence: at + 1,
      index: 0,
      user: `member-${member}`,
      encoder: "e1",
      tsMs: START_MS + Math.floor((at / SAMPLES) * DAYS * DAY_MS),
      labels: { life: `segment-${member % SEGMENTS}` },
      vector: unitVector(random),
    };
  });
  return Array.from({ length: Math.ceil(samples.length / BATCH_SAMPLES) }, (_, batch) => ({
    shard: 0,
    samples: samples.slice(batch * BATCH_SAMPLES, (batch + 1) * BATCH_SAMPLES),
  }));
}

function unitVector(random: () => number): Uint8Array {
  const values = Array.from({ length: DIM }, () => gaussian(random));
  const norm = Math.hypot(...values);
  const bytes = new Uint8Array(DIM * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setInt16(i * 2, Math.trunc(value / norm / GRID), true);
  return bytes;
}
