import fc from "fast-check";
import { expect, test } from "vitest";
import type { Encoder } from "../../src/embedding/encoder.ts";
import type { Context } from "../../src/shards/context.ts";
import { embedContext, rebuildIfStale } from "../../src/shards/embed-context.ts";
import { EmbeddingCache } from "../../src/shards/embedding-cache.ts";
import { type ShardState, useEncoder } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold } from "./a-shard.ts";

/** What may happen between two scores. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("score" as const), user: fc.nat({ max: 2 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("view" as const), user: fc.nat({ max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("encoder" as const), user: fc.nat({ max: 1 }) }) },
  ),
  { minLength: 20, maxLength: 60 },
);

test("whatever happens between, an embedding that was kept is what would be computed anew", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const shard = aShard();
      const cache = new EmbeddingCache(shard);
      const encoders = [shard.encoder, anotherEncoder(shard.encoder)];
      for (const { kind, user } of taken) {
        if (kind === "view") fold(shard, aView({ user: `user-${user}`, item: `item-${user}` }));
        else if (kind === "encoder") useEncoder(shard, encoders[user] ?? shard.encoder);
        else expectSame(shard, cache, shard.contexts.find(`user-${user}`));
      }
    }),
  );
});

test("what is kept is not computed again, until the next event", () => {
  const shard = aShard();
  let embeds = 0;
  useEncoder(
    shard,
    counted(shard.encoder, () => {
      embeds++;
    }),
  );
  fold(shard, aView({ user: "ada" }));
  const ada = shard.contexts.find("ada");
  if (ada === undefined) throw new Error("ada was not folded");
  const cache = new EmbeddingCache(shard);
  const asked = (): number => {
    const before = embeds;
    cache.embed(ada);
    return embeds - before;
  };
  expect([asked(), asked(), asked()]).toEqual([1, 0, 0]);
  fold(shard, aView({ user: "ada" }));
  expect([asked(), asked()]).toEqual([1, 0]);
});

function expectSame(shard: ShardState, cache: EmbeddingCache, context: Context | undefined): void {
  if (context === undefined) return;
  rebuildIfStale(shard, context);
  const evidence = cache.embed(context);
  const kept = shard.scratch.embedding.slice();
  shard.scratch.embedding.fill(Number.NaN);
  expect(evidence).toBe(embedContext(shard, context));
  expect(kept).toEqual(shard.scratch.embedding);
}

/** The same under another version, with every embedding turned round. */
function anotherEncoder(encoder: Encoder): Encoder {
  return {
    ...counted(encoder, () => undefined),
    version: "another",
    embed(state, from, features, atMs, into) {
      encoder.embed(state, from, features, atMs, into);
      for (const [i, value] of into.entries()) into[i] = -value;
    },
  };
}

function counted(encoder: Encoder, embedded: () => void): Encoder {
  return {
    version: encoder.version,
    kind: encoder.kind,
    trained: encoder.trained,
    dim: encoder.dim,
    slots: encoder.slots,
    fold: (...given) => encoder.fold(...given),
    evidence: (...given) => encoder.evidence(...given),
    embed(...given) {
      embedded();
      encoder.embed(...given);
    },
  };
}
