import fc from "fast-check";
import { expect, test } from "vitest";
import { tensorBackend } from "../../../src/adapters/tensor-backend.ts";
import { deepArtefact } from "../../../src/embedding/deep/deep-artefact.ts";
import { deepEncoder } from "../../../src/embedding/deep/deep-encoder.ts";
import { composeGraph, networkGraph } from "../../../src/embedding/deep/network-graph.ts";
import { type DeepKind, servedArrays } from "../../../src/embedding/deep/network-shape.ts";
import { RefinedTable } from "../../../src/embedding/deep/refined-table.ts";
import { sequenceBatch } from "../../../src/embedding/deep/sequence-batch.ts";
import type { Tensors } from "../../../src/embedding/deep/tensor-ops.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { EVENT_INPUTS } from "../../../src/embedding/event-inputs.ts";
import { prepareFit } from "../../../src/embedding/fit-material.ts";
import { artefactOf, fitWithout } from "../../../src/embedding/linear-fit.ts";
import { anEvent, START_MS, someHistories, someMaps, tinySchema } from "../build-histories.ts";
import { aNetwork } from "./build-network.ts";

const KINDS: readonly DeepKind[] = ["autoencoder", "gru", "transformer"];
const CLOSE = 1e-5;

/** Gaps from none to months, ratings of both sides, items that only one user has, events of nothing known. */
const anyHistory = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3_600_000 }), fc.integer({ max: 9e9, min: 1 })),
    item: fc.integer({ min: 0, max: 60 }),
    topic: fc.integer({ min: 0, max: 5 }),
    value: fc.constantFrom(Number.NaN, 1, 3, 5),
    sentiment: fc.constantFrom(Number.NaN, -0.5, 0.75),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

test.for(KINDS.flatMap((kind) => (["wasm", "cpu"] as const).map((backend) => ({ kind, backend }))))(
  "serving $kind event by event is what $backend computes over the whole history",
  async (given) => {
    const { tensors } = await tensorBackend(given.backend);
    const common = someHistories({ users: 40, segments: 2 });
    fc.assert(
      fc.property(fc.array(anyHistory, { minLength: 1, maxLength: 4 }), fc.nat(), (drawn, seed) => {
        const histories = [...common, ...drawn.map(toHistory)];
        const { served, computed } = bothWays(tensors, given.kind, histories, seed);
        for (let i = 0; i < served.length; i++) {
          expect(Math.abs(served[i]! - computed[i]!)).toBeLessThan(CLOSE);
        }
      }),
      // To shrink sixty events takes minutes, and the seed is enough to see it again.
      { numRuns: given.backend === "wasm" ? 25 : 5, endOnFailure: true },
    );
  },
);

function toHistory(drawn: readonly Drawn[], u: number): History {
  let tsMs = START_MS;
  const events = drawn.map(({ gapMs, item, topic, value, sentiment }) => {
    tsMs += gapMs;
    return anEvent({ tsMs, item: `item-${item}`, categoryHashes: [topic], value, sentiment });
  });
  return { user: `drawn-${u}`, labels: { taste: `segment-${u % 2}` }, events };
}

type Drawn = Readonly<{ gapMs: number; item: number; topic: number; value: number; sentiment: number }>;

/** The embeddings of all users' whole histories, by the encoder that serves and by the graph that trains. */
function bothWays(tf: Tensors, kind: DeepKind, histories: readonly History[], seed: number) {
  const material = prepareFit(histories, someMaps(2), tinySchema, { seed });
  const { corpus } = material;
  const base = artefactOf(material, fitWithout(material, undefined));
  const network = aNetwork(kind, base, seed);
  const encoder = deepEncoder(deepArtefact(network), tinySchema);
  const table = new RefinedTable(base.table, new Float32Array(base.table.length), base.dim);
  const users = Array.from({ length: corpus.users }, (_, u) => u);
  const views = users.map((user) => ({
    user,
    from: corpus.eventsAt[user]!,
    to: corpus.eventsAt[user + 1]!,
    sample: corpus.samplesAt[user + 1]! - 1,
  }));
  const batch = sequenceBatch({ corpus, base, tableOf: () => table }, views);
  const computed = tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(servedArrays({ kind, dim: base.dim, features: base.mean.length })).map(
        ([name, shape]) => [name, tf.tensor(network.arrays[name]!, [...shape])],
      ),
    );
    const projected = networkGraph(tf, kind, parameters, {
      vectors: tf.tensor2d(batch.vectors, [batch.events.length, base.dim + EVENT_INPUTS]),
      projected: tf.tensor2d(batch.projected, [views.length, base.dim]),
      features: tf.tensor2d(batch.features, [views.length, base.mean.length]),
      offsets: batch.offsets,
      gapDays: batch.gapDays,
      laterDays: new Float32Array(views.length),
    });
    return composeGraph(tf, projected, base.supervised, base.fill);
  });
  const served = new Float32Array(views.length * base.dim);
  const historyOf = new Map(histories.map((history) => [history.user, history]));
  for (const [row, user] of corpus.userIds.entries()) {
    const { events } = historyOf.get(user)!;
    const slab = new Float64Array(encoder.slots);
    const state = new Float64Array(tinySchema.slots);
    const read = new Float32Array(tinySchema.width);
    for (const event of events) {
      encoder.fold(slab, 0, event);
      tinySchema.fold(state, 0, event);
    }
    const atMs = events.at(-1)?.tsMs ?? 0;
    tinySchema.read(state, 0, atMs, read);
    encoder.embed(slab, 0, read, atMs, served.subarray(row * base.dim, (row + 1) * base.dim));
  }
  const result = { served, computed: Float32Array.from(computed.dataSync()) };
  computed.dispose();
  return result;
}
