import { expect, test } from "vitest";
import type { Lease } from "../../src/actors/unit-copy.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { endpointAt } from "../../src/events/endpoint-at.ts";
import { encodeEntry } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import type { ScoreAnswer, ShardScoreReply } from "../../src/resonance/score-answer.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { startShardHost } from "../../src/shards/shard-host.ts";
import { aView, MAP, START_MS } from "./a-shard.ts";

const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
const subjects = subjectsOf("test");
const stream = subjects.shardLog(0);
const encoder = untrainedEncoder(FEATURES);
const hashUser = userHasher(new Uint8Array(32).fill(1));
let ids = 0;
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

async function aWorld() {
  const log = new MemoryLog(clock);
  for (const name of [stream, subjects.samples, subjects.deadLetters]) await log.ensure(name);
  await log.ensure(subjects.transitions, { subjects: [subjects.transition("*", "*")] });
  const bus = memoryBus();
  const start = async (node: string) => {
    const store = memoryContextStore();
    const ports = {
      log,
      bus,
      store,
      releases: {
        encoder: async (version: string) => (version === encoder.version ? encoder : undefined),
        profiles: async () => undefined,
        segments: async (version: number) => ({ version, maps: [MAP] }),
        content: async () => undefined,
        rates: async () => undefined,
        experiments: async () => undefined,
        privacy: async () => undefined,
      },
      clock,
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 5))),
      pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
      newId: () => `id-${++ids}`,
      decisionKey: [1, 2] as const,
      hashUser,
      subjects,
    };
    const host = await startShardHost(ports, {
      shard: 0,
      shards: 1,
      node,
      residentUsers: 10,
      ringEvents: 4,
      batchEntries: node === "b" ? 3 : 10,
    });
    return { host, store };
  };
  let appended = 0;
  const append = (...entries: Uint8Array[]) =>
    log.append(
      stream,
      entries.map((data) => ({ id: `${++appended}`, data })),
    );
  const member = () => append(encodeEntry(aView({ type: "identify", segments: { life: "new" } })));
  const score = async (atLeast: number, endpoint = "score") => {
    const request = encode({ users: ["ada"], atLeast, waitMs: 500 });
    const reply = await bus.request(subjects.shard(0, endpoint), request, { timeoutMs: 1_000 });
    if (reply.error !== undefined) throw fromWireError(reply.error);
    const { answers, epoch } = decode(reply.data) as ShardScoreReply;
    const [answer] = answers.map((bytes) => decode(bytes) as ScoreAnswer);
    return { epoch, answer: { ...answer, decision: "" } }; // An id each, whoever answers.
  };
  const batches = async (): Promise<SampleBatch[]> => {
    const { last } = await log.bounds(subjects.samples);
    if (last === 0) return [];
    const reader = await log.read(subjects.samples, 1);
    const messages = await reader.next(last);
    await reader.close();
    return messages.map(({ data }) => decode(data) as SampleBatch);
  };
  const samples = async (): Promise<number[]> =>
    (await batches()).flatMap((batch) => batch.samples.map(({ sequence }) => sequence));
  return { start, append, member, score, batches, samples };
}

function lease(epoch: number): Lease & { held: boolean } {
  return {
    epoch,
    session: 1,
    held: true,
    isHeld() {
      return this.held;
    },
  };
}

async function folded(store: ContextStore, sequence: number): Promise<void> {
  while ((store.meta()?.applied ?? 0) < sequence) await turn();
}

const definitions = encodeEntry({ kind: "segments-activated", version: 1 });
const view = () => encodeEntry(aView());

test("a standby folds the same and publishes nothing; what the owner has published leaves its store", async () => {
  const world = await aWorld();
  const owner = await world.start("a");
  const standby = await world.start("b");
  await owner.host.own(lease(1));
  await world.append(definitions);
  await world.member();
  await world.append(...Array.from({ length: 8 }, view));
  await Promise.all([folded(owner.store, 10), folded(standby.store, 10)]);
  expect([...(standby.store.load("ada") ?? [])]).toEqual([...(owner.store.load("ada") ?? [1])]);
  while (standby.store.outbox().length > 0) await turn();
  const once = await world.samples();
  expect(once).toEqual([...new Set(once)]);
  expect((await world.score(10)).epoch).toBe(1);
  await owner.host.stop();
  await standby.host.stop();
});

test("a standby that becomes owner publishes what the dead owner did not", async () => {
  const world = await aWorld();
  const owner = await world.start("a");
  const standby = await world.start("b");
  const first = lease(1);
  await owner.host.own(first);
  first.held = false; // As if it hung: it folds, but may not publish.
  await world.append(definitions);
  await world.member();
  await world.append(view());
  await Promise.all([folded(owner.store, 3), folded(standby.store, 3)]);
  expect(await world.samples()).toEqual([]);
  await expect(world.score(3)).rejects.toMatchObject({ code: "NOT_OWNER", retryable: true });
  await standby.host.own(lease(2));
  while ((await world.samples()).length === 0) await turn();
  await owner.host.stop();
  expect((await world.score(3)).epoch).toBe(2);
  await standby.host.stop();
});

test("of an erasure that is not done, a copy that takes over tells the removal by the hash alone", async () => {
  const world = await aWorld();
  const standby = await world.start("b");
  await world.append(definitions);
  await world.member();
  await world.append(view());
  const hash = hashUser("ada");
  await world.append(encodeEntry({ kind: "erase", id: "erasure", hash, user: "ada", reason: "asked" }));
  await folded(standby.store, 4);
  await standby.host.own(lease(2));
  while (!(await world.batches()).some(({ removals = [] }) => removals.length > 0)) await turn();
  const batches = await world.batches();
  expect(batches.flatMap(({ removals = [] }) => removals)).toMatchObject([{ sequence: 4, user: "", hash }]);
  expect(new Set(batches.flatMap((batch) => batch.samples.map(({ user }) => user)))).toEqual(new Set([""]));
  await standby.host.stop();
});

test("a hand-over drains first, and requests are answered throughout", async () => {
  const world = await aWorld();
  const old = await world.start("a");
  const next = await world.start("b");
  await old.host.own(lease(1));
  await world.append(definitions);
  await world.member();
  await world.append(view());
  await Promise.all([folded(old.store, 3), folded(next.store, 3)]);
  await old.host.drain();
  const published = await world.samples();
  expect(published.length).toBeGreaterThan(0);
  await world.append(view());
  await folded(old.store, 4);
  expect(old.store.outbox().length + published.length).toBeGreaterThanOrEqual(published.length);
  expect((await world.score(4)).epoch).toBe(1);
  await next.host.own(lease(2));
  expect([1, 2]).toContain((await world.score(4)).epoch);
  // Each is asked alone under its own name.
  expect((await world.score(4, endpointAt("score", "a"))).epoch).toBe(1);
  expect((await world.score(4, endpointAt("score", "b"))).epoch).toBe(2);
  await old.host.rest();
  expect((await world.score(4)).epoch).toBe(2);
  await expect(world.score(4, endpointAt("score", "a"))).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  expect(await next.host.lag()).toBe(0);
  await old.host.stop();
  await next.host.stop();
});

test("a drain that can't go on ends with the next ownership, or the next drain", async () => {
  const world = await aWorld();
  const owner = await world.start("a");
  const lapsed = lease(1);
  await owner.host.own(lapsed);
  lapsed.held = false;
  await world.append(definitions);
  await world.member();
  await world.append(view());
  await folded(owner.store, 3);
  const first = owner.host.drain();
  const second = owner.host.drain();
  await first;
  await owner.host.own(lease(2));
  await second;
  while ((await world.samples()).length === 0) await turn();
  await owner.host.stop();
});

test("a copy that has caught up answers under its own name, whoever owns the shard, and says what an owner would say", async () => {
  const world = await aWorld();
  const owner = await world.start("a");
  const standby = await world.start("b");
  const held = lease(1);
  await owner.host.own(held);
  await world.append(definitions, view(), view());
  const byOwner = await world.score(3);
  await folded(standby.store, 3);
  const asked = async (node: string) => {
    for (;;) {
      try {
        return await world.score(3, endpointAt("copy-score", node));
      } catch {
        await turn(); // It looks now and then whether it has caught up.
      }
    }
  };
  held.held = false;
  for (const node of ["a", "b"]) expect(await asked(node)).toEqual({ answer: byOwner.answer, epoch: 0 });
  await owner.host.stop();
  await expect(world.score(3, endpointAt("copy-score", "a"))).rejects.toMatchObject({
    code: "NO_RESPONDERS",
  });
  expect((await asked("b")).epoch).toBe(0);
  await standby.host.stop();
});

test("a copy that is empty yet, with much to fold, does not answer", async () => {
  const world = await aWorld();
  await world.append(definitions, ...Array.from({ length: 2_000 }, view));
  const standby = await world.start("b");
  let early = 0;
  while ((standby.store.meta()?.applied ?? 0) < 1_000) {
    const seen = standby.store.meta()?.applied ?? 0;
    const answered = await world.score(0, endpointAt("copy-score", "b")).then(
      () => true,
      () => false,
    );
    if (answered && seen < 1_000) early++;
    await turn();
  }
  expect(early).toBe(0);
  await standby.host.stop();
});
