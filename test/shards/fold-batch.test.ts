import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { encodeContext } from "../../src/shards/context-codec.ts";
import { embedContext } from "../../src/shards/embed-context.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../src/shards/outcome.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold, positioned, START_MS, useProfiles } from "./a-shard.ts";

const identify = (segment: string | null) => aView({ type: "identify", segments: { life: segment } });

function bytesOf(shard: ShardState, user: string): string {
  const context = shard.contexts.find(user);
  if (context === undefined) return "nothing";
  return Buffer.from(encodeContext(context, new ByteWriter())).toString("hex");
}

function embeddingOf(shard: ShardState, user: string): Float32Array {
  const context = shard.contexts.find(user);
  if (context === undefined) throw new Error(`nothing is held of ${user}`);
  embedContext(shard, context);
  return shard.scratch.embedding.slice();
}

test("an entry that is delivered twice counts once", () => {
  const shard = aShard();
  const entries = positioned(shard, [aView(), aView()]);
  foldBatch(shard, entries, emptyOutcome());
  foldBatch(shard, entries, emptyOutcome());
  expect(shard.contexts.find("ada")?.events).toBe(2);
});

test("an event whose id was seen has no effect, and is counted", () => {
  const shard = aShard();
  const view = aView();
  fold(shard, view);
  const before = bytesOf(shard, "ada");
  const outcome = fold(shard, view);
  expect(bytesOf(shard, "ada")).toBe(before);
  expect(outcome.touched.size).toBe(0);
  expect(shard.counters.duplicates).toBe(1);
});

test("how the log is cut into batches changes no byte and no output", () => {
  const someViews = fc.array(
    fc.record({
      user: fc.constantFrom("ada", "bob", "eve"),
      type: fc.constantFrom("view", "identify", "purchase"),
      gap: fc.nat(1e6),
    }),
    { minLength: 1, maxLength: 60 },
  );
  const holds = (given: { user: string; type: string; gap: number }[], size: number) => {
    let tsMs = START_MS;
    const entries = given.map(({ user, type, gap }, i) => {
      tsMs += gap;
      const segments = type === "identify" ? { segments: { life: i % 2 === 0 ? "new" : "loyal" } } : {};
      return aView({ id: `e${i}`, user, type, tsMs, item: `item-${i % 5}`, ...segments });
    });
    const whole = aShard();
    const all = fold(whole, ...entries);
    const cut = aShard();
    const samples = [];
    for (let at = 0; at < entries.length; at += size)
      samples.push(...fold(cut, ...entries.slice(at, at + size)).samples);
    for (const user of ["ada", "bob", "eve"]) expect(bytesOf(cut, user)).toBe(bytesOf(whole, user));
    expect(samples).toEqual(all.samples);
  };
  fc.assert(fc.property(someViews, fc.integer({ min: 1, max: 7 }), holds), { numRuns: 50 });
});

test("anonymous users are never sampled", () => {
  expect(fold(aShard(), aView(), aView()).samples).toEqual([]);
});

test("a member is sampled on the 1st, 2nd, 4th and 8th act of a time bucket", () => {
  const shard = aShard();
  fold(shard, identify("new"));
  const sampled = Array.from(
    { length: 9 },
    () => fold(shard, aView({ tsMs: START_MS + 5_000 })).samples.length,
  );
  expect(sampled).toEqual([1, 1, 0, 1, 0, 0, 0, 1, 0]);
});

test("saying who somebody is, is not an act", () => {
  const shard = aShard();
  const outcome = fold(shard, identify("new"));
  expect(shard.contexts.find("ada")?.events).toBe(0);
  expect(outcome.samples).toEqual([]);
  expect(outcome.ring).toEqual([]);
});

test("a relabelled member is sampled at once, with the new segment", () => {
  const shard = aShard();
  fold(shard, identify("new"), aView());
  const [sample] = fold(shard, identify("loyal")).samples;
  expect(sample).toMatchObject({ user: "ada", labels: { life: "loyal" }, index: 0 });
});

test("a label that is taken back leaves the user to the rules, or to the background", () => {
  const shard = aShard();
  fold(shard, identify("new"), aView());
  expect(fold(shard, identify(null)).samples[0]?.labels).toEqual({});
  fold(shard, aView({ user: "bob", type: "identify", traits: { orders: 7 } }));
  expect(fold(shard, aView({ user: "bob" })).samples[0]?.labels).toEqual({ life: "loyal" });
});

test("who resonates with a segment leaves it at their next event once its threshold is off, and nobody enters it", () => {
  const shard = aShard();
  fold(shard, aView(), aView({ user: "bob", item: "hat" }));
  const near = [embeddingOf(shard, "ada"), embeddingOf(shard, "bob")];
  useProfiles(shard, near);
  expect(kindsOf(fold(shard, aView()))).toEqual(["entered new"]);
  const off = { enter: null, why: "precision-not-reached" } as const;
  useProfiles(shard, near, 20, [off, { enter: 0.9, leave: 0.8, minEvidence: 1 }]);
  expect(kindsOf(fold(shard, aView()))).toEqual(["left new"]);
  expect(kindsOf(fold(shard, aView()))).toEqual([]);
  expect(kindsOf(fold(shard, aView({ user: "bob", item: "hat" })))).toEqual(["entered loyal"]);
});

function kindsOf({ transitions }: ReturnType<typeof fold>): string[] {
  return transitions.map(({ kind, segment }) => `${kind} ${segment}`);
}

test("who comes to resonate enters once, with an id made of shard, sequence and index", () => {
  const shard = aShard();
  fold(shard, aView({ item: "boot" }), aView({ user: "bob", type: "search", item: "lamp" }));
  useProfiles(shard, [embeddingOf(shard, "ada"), embeddingOf(shard, "bob")]);
  const entered = fold(shard, aView({ item: "boot" })).transitions;
  expect(entered).toMatchObject([{ id: "7:3:0", map: "life", segment: "new", user: "ada", kind: "entered" }]);
  expect(fold(shard, aView({ item: "boot" })).transitions).toEqual([]);
});

test("who turns to something else leaves", () => {
  const shard = aShard();
  fold(shard, aView({ item: "boot" }), aView({ user: "bob", type: "search", item: "lamp" }));
  useProfiles(shard, [embeddingOf(shard, "ada"), embeddingOf(shard, "bob")]);
  fold(shard, aView({ item: "boot" }));
  const turns = Array.from({ length: 12 }, () => aView({ type: "search", item: "lamp" }));
  const kinds = fold(shard, ...turns).transitions.map(({ segment, kind }) => `${kind} ${segment}`);
  expect(kinds).toContain("left new");
  expect(kinds).toContain("entered loyal");
});

test("what the user withdrew is dropped even if the gateway let it through", () => {
  const shard = aShard();
  fold(shard, aView({ type: "consent", consent: { location: false } }));
  const before = shard.contexts.find("ada")?.slab.slice();
  fold(shard, aView({ cell: "u4pr" }));
  const without = aShard();
  fold(without, aView({ type: "consent", consent: { location: false } }));
  expect(before?.some((slot) => slot !== 0)).toBe(false);
  const packed = fold(shard, aView({ cell: "u4pr", item: "x" })).ring[0]?.bytes.length;
  expect(packed).toBe(fold(without, aView({ item: "x" })).ring[0]?.bytes.length);
});
