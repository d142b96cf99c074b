import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { decodeEntries, encodeEntry } from "../../src/events/log-codec.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { redactEntries, redactErasure } from "../../src/events/redact-entries.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { peerHashOf } from "../../src/features/to-feature-event.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { encodeContext } from "../../src/shards/context-codec.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../src/shards/outcome.ts";
import { metaOf, newShardState, type ShardState, useDefinitions } from "../../src/shards/shard-state.ts";
import { aView, MAP, START_MS } from "./a-shard.ts";

const hashUser = userHasher(new Uint8Array(32).fill(7));
const erase = (user: string, id = `erase-${user}`): LogEntry => ({
  kind: "erase",
  id,
  user,
  hash: hashUser(user),
  reason: "asked",
});

/** A shard over a store, and what commits to it. */
function aShardOver(store: ContextStore): ShardState {
  const shard = newShardState({
    shard: 7,
    features: FEATURES,
    encoder: untrainedEncoder(FEATURES),
    source: store,
    residentUsers: 2,
    ringEvents: 32,
    hashUser,
  });
  useDefinitions(shard, { version: 1, maps: [MAP] });
  return shard;
}

async function foldAndCommit(shard: ShardState, store: ContextStore, entries: readonly LogEntry[]) {
  const outcome = emptyOutcome();
  const { batch } = shard;
  const positioned = entries.map((entry, i) => ({
    sequence: shard.applied + 1 + i,
    loggedAtMs: START_MS,
    entry,
  }));
  foldBatch(shard, positioned, outcome);
  const { ring, authenticated, erased } = outcome;
  const contexts = [...outcome.touched].map(
    (context) => [context.user, encodeContext(context, new ByteWriter()).slice()] as const,
  );
  await store.commit({ contexts, ring, authenticated, erased, outbox: [], meta: metaOf(shard, 1) });
  shard.batch++;
  shard.recent.committed(batch);
  shard.contexts.committed(batch);
  for (const [user, since] of shard.newlyAuthenticated)
    if (since <= batch) shard.newlyAuthenticated.delete(user);
  shard.contexts.passivate(batch);
  return outcome;
}

function contentOf(store: ContextStore): unknown {
  return {
    contexts: [...store.contexts()].map(([user, bytes]) => [user, Buffer.from(bytes).toString("hex")]),
    rings: [...store.held()].map((user) => [
      user,
      store.loadRing(user).map(([slot, bytes]) => [slot, ...bytes]),
    ]),
    authenticated: [...store.authenticated()],
    erasures: store.meta()?.erasures?.map(({ id, hash }) => ({ id, hash })),
  };
}

const someEntries = fc.array(
  fc.record({
    user: fc.constantFrom("ada", "bob", "eve"),
    kind: fc.constantFrom("view", "view", "identify", "erase"),
  }),
  { minLength: 1, maxLength: 80 },
);

function entriesOf(given: readonly { user: string; kind: string }[]): LogEntry[] {
  return given.map(({ user, kind }, i) => {
    if (kind === "erase") return erase(user, `erase-${i}`);
    const segments = kind === "identify" ? { segments: { life: "new" } } : {};
    return aView({
      id: `e${i}`,
      user,
      type: kind,
      tsMs: START_MS + i * 1_000,
      item: `item-${i % 5}`,
      ...segments,
    });
  });
}

/** The log once erasures are through: without what users did before they were erased. */
function redacted(entries: readonly LogEntry[]): LogEntry[] {
  return entries.map((entry, i) => {
    const later = entries.slice(i + 1);
    const isGone = (user: string) => later.some((one) => one.kind === "erase" && one.user === user);
    const data = encodeEntry(entry);
    const left = redactEntries(data, { isGone, peerHash: peerHashOf })?.data ?? redactErasure(data) ?? data;
    return decodeEntries(left)[0]!;
  });
}

test("however batches are cut, a store holds after erasures what one holds that read the redacted log", async () => {
  const holds = async (given: { user: string; kind: string }[], size: number) => {
    const entries = entriesOf(given);
    const [asItWas, asItIs] = [memoryContextStore(), memoryContextStore()];
    const shard = aShardOver(asItWas);
    for (let at = 0; at < entries.length; at += size)
      await foldAndCommit(shard, asItWas, entries.slice(at, at + size));
    await foldAndCommit(aShardOver(asItIs), asItIs, redacted(entries));
    expect(contentOf(asItWas)).toEqual(contentOf(asItIs));
  };
  await fc.assert(fc.asyncProperty(someEntries, fc.integer({ min: 1, max: 9 }), holds), { numRuns: 100 });
});

test("a copy that was away finds by the hash whom the log names no more", async () => {
  const holds = async (given: { user: string; kind: string }[], away: number) => {
    const entries = entriesOf(given);
    const after = redacted(entries);
    const [late, fresh] = [memoryContextStore(), memoryContextStore()];
    await foldAndCommit(aShardOver(late), late, entries.slice(0, away));
    const again = aShardOver(late); // Opened again: nothing is in memory.
    again.applied = Math.min(away, entries.length);
    again.erasures = late.meta()?.erasures ?? [];
    await foldAndCommit(again, late, after.slice(away));
    await foldAndCommit(aShardOver(fresh), fresh, after);
    expect(contentOf(late)).toEqual(contentOf(fresh));
  };
  await fc.assert(fc.asyncProperty(someEntries, fc.nat(60), holds), { numRuns: 100 });
});

test("an erasure takes the user out of the profiles, stays pending until it is done, and names nobody in what is stored", async () => {
  const store = memoryContextStore();
  const shard = aShardOver(store);
  await foldAndCommit(shard, store, [aView(), aView({ type: "identify", segments: { life: "new" } })]);
  const outcome = await foldAndCommit(shard, store, [erase("ada", "e-1")]);
  expect(outcome.removals).toEqual([{ sequence: 3, index: 0, user: "ada", hash: hashUser("ada") }]);
  expect(store.meta()?.erasures).toMatchObject([
    { id: "e-1", sequence: 3, contexts: 1, events: 1, reason: "asked" },
  ]);
  expect(JSON.stringify(store.meta())).not.toContain("ada");
  expect(shard.erasing.get("e-1")).toBe("ada");
  await foldAndCommit(shard, store, [{ kind: "erased", ids: ["e-1"] }]);
  expect(store.meta()?.erasures).toBeUndefined();
});

test("who comes back after an erasure is a stranger", async () => {
  const store = memoryContextStore();
  const shard = aShardOver(store);
  const seen = aView({ id: "same" });
  await foldAndCommit(shard, store, [aView({ type: "identify", segments: { life: "new" } }), seen]);
  await foldAndCommit(shard, store, [erase("ada"), seen]);
  const context = shard.contexts.find("ada");
  expect(context).toMatchObject({ events: 1, authenticated: false, labels: new Map() });
});

test("an idle user is erased, but not one who came back before the entry was folded, and nobody twice", async () => {
  const store = memoryContextStore();
  const shard = aShardOver(store);
  const idle = (id: string, seen: number): LogEntry =>
    ({ ...erase("ada", id), reason: "idle", seen }) as LogEntry;
  await foldAndCommit(shard, store, [aView(), aView()]);
  await foldAndCommit(shard, store, [idle("e-1", 1)]); // The second view came behind what was seen.
  expect(shard.contexts.find("ada")?.events).toBe(2);
  expect(store.meta()?.erasures).toBeUndefined();
  await foldAndCommit(shard, store, [idle("e-2", 2), idle("e-3", 2)]);
  expect(shard.contexts.find("ada")).toBeUndefined();
  expect(store.meta()?.erasures).toMatchObject([{ id: "e-2", reason: "idle", contexts: 1, events: 2 }]);
});
