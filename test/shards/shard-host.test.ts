import { expect, test, vi } from "vitest";
import type { LogMessage } from "../../src/actors/log.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { decodeEntries, encodeBehaviours, encodeEntry } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import type { ScoreAnswer, ShardScoreReply } from "../../src/resonance/score-answer.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { startShardHost } from "../../src/shards/shard-host.ts";
import type { DeadLetter } from "../../src/shards/shard-messages.ts";
import { aView, MAP, poisonEntry, poisonRow, rowOf, START_MS } from "./a-shard.ts";

let appended = 0;
let ids = 0;
const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
const subjects = subjectsOf("test");
const stream = subjects.shardLog(0);
const encoder = untrainedEncoder(FEATURES);

async function aWorld() {
  const log = new MemoryLog(clock);
  for (const name of [stream, subjects.samples, subjects.deadLetters]) await log.ensure(name);
  await log.ensure(subjects.transitions, { subjects: [subjects.transition("*", "*")] });
  const bus = memoryBus();
  const store = memoryContextStore();
  const start = async ({ batchEntries = 10 } = {}) => {
    const host = await startShardHost(
      {
        log,
        bus,
        store,
        releases: {
          encoder: async (version) => (version === encoder.version ? encoder : undefined),
          profiles: async () => undefined,
          segments: async (version) => ({ version, maps: [MAP] }),
          content: async () => undefined,
          rates: async () => undefined,
          experiments: async () => undefined,
          privacy: async () => undefined,
        },
        clock,
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        pause: () => new Promise((resolve) => setImmediate(resolve)),
        newId: () => `id-${++ids}`,
        decisionKey: [1, 2],
        subjects,
      },
      { shard: 0, shards: 1, node: "test", residentUsers: 2, ringEvents: 4, batchEntries },
    );
    await host.own({ epoch: 1, session: 1, isHeld: () => true });
    return host;
  };
  const append = (...entries: Uint8Array[]) =>
    log.append(
      stream,
      entries.map((data) => ({ id: `${++appended}`, data })),
    );
  const score = async (user: string, atLeast: number) => {
    const request = encode({ users: [user], atLeast, waitMs: 500 });
    const reply = await bus.request(subjects.shard(0, "score"), request, { timeoutMs: 5_000 });
    if (reply.error !== undefined) throw fromWireError(reply.error);
    const { answers } = decode(reply.data) as ShardScoreReply;
    return answers[0] === undefined ? undefined : (decode(answers[0]) as ScoreAnswer);
  };
  /** All messages of a stream, once there are so many. */
  const messages = async (name: string, count: number): Promise<unknown[]> => {
    const reader = await log.read(name, 1);
    const found: unknown[] = [];
    while (found.length < count)
      for (const message of await reader.next(count)) found.push(decode(message.data));
    await reader.close();
    return found;
  };
  /** What the store has counted of a user. */
  const acts = (user: string): number => {
    const context = store.load(user);
    return context === undefined ? 0 : decodeContext(user, context).events;
  };
  return { log, store, start, append, score, messages, acts };
}

test("an entry that can't be read is set aside with its reason, and its neighbours count", async () => {
  const world = await aWorld();
  const host = await world.start();
  await world.append(encodeEntry(aView()), Uint8Array.of(9, 9, 9), encodeEntry(aView()));
  expect((await world.score("ada", 3))?.evidence).toBeCloseTo(2, 3);
  const [letter] = (await world.messages(subjects.deadLetters, 1)) as DeadLetter[];
  expect(letter).toMatchObject({ shard: 0, sequence: 2, code: "LOG_ENTRY_UNREADABLE" });
  await host.stop();
});

test("an entry whose fold throws is retried alone and set aside, and the batch around it counts", async () => {
  const world = await aWorld();
  const host = await world.start();
  const poison = poisonEntry(aView());
  await world.append(encodeEntry(aView()), poison, encodeEntry(aView()));
  expect((await world.score("ada", 3))?.position.sequence).toBe(3);
  const [letter] = (await world.messages(subjects.deadLetters, 1)) as DeadLetter[];
  expect(letter).toMatchObject({ shard: 0, sequence: 2 });
  await host.stop();
  expect(world.store.meta()?.applied).toBe(3);
  expect(world.acts("ada")).toBe(2);
});

test("entries of one message that throw are set aside alone, and the others in it count", async () => {
  const world = await aWorld();
  const host = await world.start();
  const [a, b] = [aView(), aView()];
  const rows = [rowOf(aView()), poisonRow(a), rowOf(aView()), poisonRow(b)];
  const message = Uint8Array.of(2, ...encode(rows));
  await world.append(encodeEntry(aView()), message, encodeEntry(aView()));
  expect((await world.score("ada", 3))?.evidence).toBeCloseTo(4, 3);
  const letters = (await world.messages(subjects.deadLetters, 2)) as DeadLetter[];
  expect(letters).toMatchObject([
    { shard: 0, sequence: 2, place: 1 },
    { shard: 0, sequence: 2, place: 3 },
  ]);
  expect(letters.map(({ data }) => decodeEntries(data))).toMatchObject([[{ id: a.id }], [{ id: b.id }]]);
  await host.stop();
  expect(world.store.meta()?.applied).toBe(3);
  expect(world.acts("ada")).toBe(4);
});

test("entries of one message have outputs of their own", async () => {
  const world = await aWorld();
  const host = await world.start();
  const member = (user: string) => aView({ user, type: "identify", segments: { life: "new" } });
  const [bundle] = encodeBehaviours([member("ada"), aView(), member("bob"), aView({ user: "bob" })]);
  await world.append(encodeEntry({ kind: "segments-activated", version: 1 }), bundle!.data);
  await world.score("ada", 2);
  const [batch] = (await world.messages(subjects.samples, 1)) as SampleBatch[];
  expect(batch?.samples.map(({ user, sequence }) => `${user} ${sequence}`)).toEqual(["ada 2", "bob 2"]);
  expect(new Set(batch?.samples.map(({ index }) => index)).size).toBe(2);
  await host.stop();
});

test("a host goes on where its store ends, and publishes what was left in the outbox", async () => {
  const world = await aWorld();
  const definitions = encodeEntry({ kind: "segments-activated", version: 1 });
  const first = await world.start();
  await world.append(
    definitions,
    encodeEntry(aView({ type: "identify", segments: { life: "new" } })),
    encodeEntry(aView()),
  );
  await world.score("ada", 3);
  await first.stop();
  const second = await world.start();
  await world.append(encodeEntry(aView()));
  expect((await world.score("ada", 4))?.evidence).toBeCloseTo(2, 3);
  const batches = (await world.messages(subjects.samples, 2)) as SampleBatch[];
  expect(batches.flatMap(({ samples }) => samples.map((sample) => sample.sequence))).toEqual([3, 4]);
  await second.stop();
});

test("cold users leave memory and come back from the store", async () => {
  const world = await aWorld();
  const host = await world.start();
  const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
  for (const user of users) await world.append(encodeEntry(aView({ user })));
  for (const user of users) expect((await world.score(user, 20))?.known).toBe(true);
  await world.append(encodeEntry(aView({ user: "user-0" })));
  expect((await world.score("user-0", 21))?.evidence).toBeCloseTo(2, 3);
  await host.stop();
});

test("a log of ever new users is committed in parts that memory has room for", async () => {
  const world = await aWorld();
  const contexts: number[] = [];
  const { commit } = world.store;
  world.store.commit = (given) => {
    contexts.push(given.contexts.length);
    return commit.call(world.store, given);
  };
  const users = Array.from({ length: 5_000 }, (_, u) => encodeEntry({ ...aView(), user: `visitor-${u}` }));
  await world.append(...users);
  const host = await world.start({ batchEntries: 100_000 });
  await vi.waitUntil(() => world.store.meta()?.applied === 5_000, { timeout: 20_000 });
  await host.stop();
  expect(contexts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
  expect(Math.max(...contexts)).toBeLessThan(512 + 128); // A slice of entries may follow.
});

test("a position that is not reached in time is told as not caught up", async () => {
  const world = await aWorld();
  const host = await world.start();
  await expect(world.score("ada", 99)).rejects.toMatchObject({ code: "NOT_CAUGHT_UP", retryable: true });
  await host.stop();
});

test("contexts of another feature schema are refused instead of misread", async () => {
  const world = await aWorld();
  const first = await world.start();
  await world.append(encodeEntry(aView()));
  await world.score("ada", 1);
  await first.stop();
  const meta = world.store.meta();
  if (meta === undefined) throw new Error("nothing was committed");
  await world.store.commit({
    contexts: [],
    ring: [],
    authenticated: [],
    outbox: [],
    meta: { ...meta, schema: "of an older build" },
  });
  await expect(world.start()).rejects.toMatchObject({ code: "CONTEXTS_OUTDATED", retryable: false });
});

test.for([0, 1, 2, 3, 4, 5, 6, 7, 8])(
  "messages that come in the very moment in which a commit is due, or %i turns behind, are folded after it",
  async (turns) => {
    const store = memoryContextStore();
    const arrivals: ((messages: readonly LogMessage[]) => void)[] = [];
    const wakes: (() => void)[] = [];
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    let monotonicMs = 0;
    const host = await startShardHost(
      {
        log: {
          ...new MemoryLog(clock),
          append: async (_, messages) => messages.map(() => 0),
          bounds: async () => ({ first: 1, last: 0 }),
          last: async () => 0,
          async *range() {},
          ensure: async () => {},
          trim: async () => 1,
          redact: async () => {},
          messagesAt: async () => [],
          read: async () => ({
            next: () => new Promise<readonly LogMessage[]>((resolve) => arrivals.push(resolve)),
            lag: () => 0,
            close: async () => arrivals.pop()?.([]),
          }),
        },
        bus: memoryBus(),
        // A commit that takes a while makes the next one wait.
        store: {
          ...methodsOf(store),
          async commit(commit) {
            await store.commit(commit);
            monotonicMs += 20;
          },
        },
        releases: {
          encoder: async () => encoder,
          profiles: async () => undefined,
          segments: async () => undefined,
          content: async () => undefined,
          rates: async () => undefined,
          experiments: async () => undefined,
          privacy: async () => undefined,
        },
        clock: { nowMs: () => START_MS, monotonicMs: () => monotonicMs },
        sleep: (ms) =>
          new Promise((resolve) =>
            ms > 300 && ms < 500 ? wakes.push(resolve) : setTimeout(resolve, ms).unref(),
          ),
        pause: turn,
        newId: () => "id",
        decisionKey: [1, 2],
        subjects,
      },
      { shard: 0, shards: 1, node: "test", residentUsers: 2, ringEvents: 4, batchEntries: 10 },
    );
    const arrive = (sequence: number) =>
      arrivals.pop()?.([
        { sequence, storedAtMs: START_MS, data: encodeEntry(aView({ id: `e${sequence}` })) },
      ]);
    arrive(1); // Folded, and committed at once.
    while (store.meta()?.applied !== 1 || arrivals.length === 0) await turn();
    arrive(2); // Folded; its commit waits.
    while (wakes.length === 0 || arrivals.length === 0) await turn();
    wakes.pop()?.();
    for (let i = 0; i < turns; i++) await Promise.resolve();
    arrive(3);
    while (store.meta()?.applied !== 3) {
      monotonicMs += 1;
      wakes.pop()?.();
      await turn();
    }
    await host.stop();
    expect(decodeContext("ada", store.load("ada") ?? new Uint8Array()).events).toBe(3);
  },
);

function methodsOf(store: ContextStore): ContextStore {
  return {
    load: (user) => store.load(user),
    loadRing: (user) => store.loadRing(user),
    held: () => store.held(),
    authenticated: () => store.authenticated(),
    authenticatedAfter: (after, limit) => store.authenticatedAfter(after, limit),
    meta: () => store.meta(),
    outbox: () => store.outbox(),
    commit: (commit) => store.commit(commit),
    removeOutbox: (keys) => store.removeOutbox(keys),
    contexts: () => store.contexts(),
    contextsAfter: (...given) => store.contextsAfter(...given),
    users: () => store.users(),
    snapshot: () => store.snapshot(),
    scrub: () => store.scrub(),
    import: () => store.import(),
    close: () => store.close(),
  };
}
