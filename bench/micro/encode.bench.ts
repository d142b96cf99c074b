import { bench } from "vitest";
import { deepArtefact } from "../../src/embedding/deep/deep-artefact.ts";
import { deepEncoder } from "../../src/embedding/deep/deep-encoder.ts";
import type { DeepKind } from "../../src/embedding/deep/network-shape.ts";
import type { Encoder, History } from "../../src/embedding/encoder.ts";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import type { FeatureFamily } from "../../src/features/feature-family.ts";
import { FeatureSchema } from "../../src/features/feature-schema.ts";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { aNetwork } from "../../test/embedding/deep/build-network.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const EVENTS = isFull ? 100_000 : 1_000;
const USERS = isFull ? 10_000 : 200;
const MEMBERS = isFull ? 10_000 : 200;
const HISTORY = 64;
const FEATURES = 150;
const ITEMS = 20_000;
const DAY_MS = 86_400_000;

/** As many features as the library reads, at no cost of their own: only the encoder is timed. */
const wide: FeatureFamily = {
  name: "wide",
  slots: FEATURES,
  features: Array.from({ length: FEATURES }, (_, i) => `f${i}`),
  orderIndependent: true,
  fold(slab, at, event) {
    for (let i = 0; i < FEATURES; i++) slab[at + i] = slab[at + i]! + ((event.itemHash >>> (i % 24)) & 1);
  },
  read(slab, at, _atMs, out, outAt) {
    for (let i = 0; i < FEATURES; i++) out[outAt + i] = Math.log1p(slab[at + i]!);
  },
};
const schema = new FeatureSchema([wide]);

const random = seededRandom(42);
const events = Array.from({ length: EVENTS }, (_, i) => anEvent(20_000 * DAY_MS + i * 60_000));
const owners = Uint32Array.from({ length: EVENTS }, () => Math.floor(random() * USERS));
const members = Array.from(
  { length: MEMBERS },
  (_, u): History => ({
    user: `user-${u}`,
    labels: { taste: `segment-${u % 2}` },
    events: Array.from({ length: HISTORY }, (_, i) => anEvent(20_000 * DAY_MS + i * 600_000)),
  }),
);
const maps = [{ name: "taste", segments: ["segment-0", "segment-1"] }];
const fitted = fitLinear(members, maps, schema, { seed: 1 });
/** What a network computes does not depend on how well it was trained. */
const networkOf = (kind: DeepKind) => deepEncoder(deepArtefact(aNetwork(kind, fitted)), schema);
const encoders = {
  linear: linearEncoder(fitted, schema),
  autoencoder: networkOf("autoencoder"),
  gru: networkOf("gru"),
  transformer: networkOf("transformer"),
  untrained: untrainedEncoder(schema),
};

for (const [name, encoder] of Object.entries(encoders)) {
  const expected = foldAll(encoder);
  bench(`fold ${EVENTS} events of ${USERS} users, ${name}, dim ${encoder.dim}`, () => {
    assert(foldAll(encoder) === expected, "the bench still computes what it did");
  });
  const slab = folded(encoder);
  const features = Float32Array.from({ length: FEATURES }, (_, i) => (i % 7) / 2);
  const out = new Float32Array(encoder.dim);
  const embedAll = (): number => {
    let sum = 0;
    for (let i = 0; i < EVENTS; i++) {
      encoder.embed(slab, owners[i]! * encoder.slots, features, events[i]!.tsMs, out);
      sum += out[0]!;
    }
    return sum;
  };
  const embedded = embedAll();
  bench(`embed ${EVENTS} times, ${name}, ${FEATURES} features, dim ${encoder.dim}`, () => {
    assert(embedAll() === embedded, "the bench still computes what it did");
  });
}

bench(
  `fit ${MEMBERS} members of ${HISTORY} events, ${FEATURES} features`,
  () => {
    assert(
      fitLinear(members, maps, schema, { seed: 1 }).version === fitted.version,
      "a fit is deterministic",
    );
  },
  { iterations: 1, warmupIterations: 0, time: 0, warmupTime: 0 },
);

function folded(encoder: Encoder): Float64Array {
  const slab = new Float64Array(USERS * encoder.slots);
  for (const [i, event] of events.entries()) encoder.fold(slab, owners[i]! * encoder.slots, event);
  return slab;
}

function foldAll(encoder: Encoder): number {
  return encoder.evidence(folded(encoder), owners[0]! * encoder.slots, events[EVENTS - 1]!.tsMs);
}

function anEvent(tsMs: number): FeatureEvent {
  const item = 1 + Math.floor(random() ** 3 * ITEMS);
  return {
    tsMs,
    typeCode: 0,
    typeHash: 77,
    itemHash: Math.imul(item, 0x9e3779b1) >>> 0,
    categoryHashes: [1 + (item % 10), 100 + (item % 100), 1000 + (item % 500)],
    keywordHashes: [],
    sentiment: Number.NaN,
    value: Number.NaN,
    peerHash: 0,
    inbound: false,
    cellHash: 0,
    referrerHash: 5 + (item % 3),
    deviceHash: 9,
    campaignHash: 0,
    countryHash: 0,
    utcOffsetMinutes: 0,
  };
}
