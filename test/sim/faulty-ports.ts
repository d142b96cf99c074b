import type { BlobStore } from "../../src/actors/blob-store.ts";
import type { Bus, BusReply } from "../../src/actors/bus.ts";
import type { KeyValue, KeyValueChange } from "../../src/actors/key-value.ts";
import type { Log, LogReader } from "../../src/actors/log.ts";
import { timedOut } from "../../src/adapters/answer-request.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { sha256Hex } from "../../src/kernel/hash.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import type { ProfileCommit, ProfileStore } from "../../src/profiles/profile-store.ts";
import type { ShardScoreReply } from "../../src/resonance/score-answer.ts";
import type { ContextStore, ShardCommit } from "../../src/shards/context-store.ts";
import type { Life } from "./life.ts";
import type { Servers } from "./servers.ts";

/** As long as the adapters over NATS try. */
const LOG_PATIENCE_MS = 10_000;
const TABLE_PATIENCE_MS = 1_000;
const BLOB_PATIENCE_MS = 5_000;
/** Blobs that change: pointers, how far erasures are, and what snapshots must not be older than. */
const CHANGING = /\.current$|^erasures\.|\.floor$/;
const SCORE_SUBJECT = /\.shard\.(\d+)\.score(?:\.|$)/;

/** The log over a node's wire: slow now and then, cut off at times, and with answers that get lost. */
export function wiredLog(servers: Servers, life: Life): Log {
  const reach = <T>(what: string, act: () => Promise<T>): Promise<T> =>
    overWire(life, LOG_PATIENCE_MS, "LOG_UNAVAILABLE", what, act);
  return {
    ensure: (...given) => reach("ensure", () => servers.log.ensure(...given)),
    bounds: (stream) => reach("bounds", () => servers.log.bounds(stream)),
    last: (stream) => reach("last", () => servers.log.last(stream)),
    async *range(...given) {
      yield* await reach("range", () => Array.fromAsync(servers.log.range(...given)));
    },
    redact: (...given) => reach("redact", () => servers.log.redact(...given)),
    messagesAt: (...given) => reach("get", () => servers.log.messagesAt(...given)),
    trim: (...given) => reach("trim", () => servers.log.trim(...given)),
    append: (stream, messages) =>
      reach("append", async () => {
        const sequences = await servers.log.append(stream, messages);
        servers.trace(`${life.name} appended ${messages.length} to ${stream} ..${sequences.at(-1)}`);
        return sequences;
      }),
    read: (stream, from) =>
      reach("read", async () => {
        const reader = await servers.log.read(stream, from);
        life.onEnd(() => void reader.close());
        return wiredReader(reader, life);
      }),
  };
}

function wiredReader(reader: LogReader, life: Life): LogReader {
  return {
    async next(max) {
      const messages = await reader.next(max);
      await life.travel();
      while (life.isCutOff) await life.sleep(20);
      return messages;
    },
    lag: () => reader.lag(),
    close: () => reader.close(),
  };
}

/** The table over a node's wire. */
export function wiredTable(servers: Servers, life: Life): KeyValue {
  const { table } = servers;
  const reach = <T>(what: string, act: () => Promise<T>): Promise<T> =>
    overWire(life, TABLE_PATIENCE_MS, "KEY_VALUE_UNAVAILABLE", what, act);
  return {
    get: (key) => reach("get", () => table.get(key)),
    entries: (prefix) => reach("entries", () => table.entries(prefix)),
    remove: (...given) => reach("remove", () => table.remove(...given)),
    swap: (key, ...given) =>
      reach("swap", async () => {
        const revision = await table.swap(key, ...given);
        if (!key.startsWith("node.")) servers.trace(`${life.name} swapped ${key}: ${revision ?? "lost"}`);
        return revision;
      }),
    async watch(prefix, changed) {
      const queue: KeyValueChange[] = [];
      let isDelivering = false;
      const deliver = async (): Promise<void> => {
        isDelivering = true;
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          await life.travel();
          while (life.isCutOff) await life.sleep(20);
          changed(next);
        }
        isDelivering = false;
      };
      const watching = await reach("watch", () =>
        table.watch(prefix, (change) => {
          if (!life.isAlive) return;
          queue.push(change);
          if (!isDelivering) void deliver();
        }),
      );
      life.onEnd(() => void watching.close());
      return watching;
    },
  };
}

/** The blobs over a node's wire. Nobody may ever write another content under a version. */
export function wiredBlobs(servers: Servers, life: Life, blobs: BlobStore = servers.blobs): BlobStore {
  const reach = <T>(what: string, act: () => Promise<T>): Promise<T> =>
    overWire(life, BLOB_PATIENCE_MS, "BLOBS_UNAVAILABLE", what, act);
  const guard = async (key: string, bytes: Uint8Array): Promise<void> => {
    if (CHANGING.test(key)) return;
    const held = await blobs.get(key);
    if (held !== undefined && sha256Hex(held) !== sha256Hex(bytes))
      servers.findings.push(`${life.name} wrote other bytes under ${key}`);
  };
  return {
    get: (key) => reach("get", () => blobs.get(key)),
    keys: (prefix) => reach("keys", () => blobs.keys(prefix)),
    create: (...given) => reach("create", () => blobs.create(...given)),
    remove: (key) => reach("remove", () => blobs.remove(key)),
    put: (key, bytes) =>
      reach("put", async () => {
        await guard(key, bytes);
        servers.trace(`${life.name} put ${key} ${sha256Hex(bytes).slice(0, 8)}`);
        await blobs.put(key, bytes);
      }),
  };
}

/** The bus over a node's wire. Whoever answers for a shard is noted. */
export function wiredBus(servers: Servers, life: Life): Bus {
  const { bus, time } = servers;
  return {
    async serve(subject, handler, options) {
      await life.travel();
      const shard = SCORE_SUBJECT.exec(subject)?.[1];
      const served = await bus.serve(
        subject,
        async (request): Promise<BusReply | undefined> => {
          await life.travel();
          if (life.isCutOff) await new Promise<never>(() => {});
          const reply = await handler(request);
          if (shard !== undefined && reply !== undefined && reply.error === undefined) {
            const { epoch } = decode(reply.data) as ShardScoreReply;
            servers.answers.push({ shard: Number(shard), epoch, node: life.name, atMs: time.monotonicMs() });
          }
          await life.travel();
          if (life.isCutOff) await new Promise<never>(() => {});
          return reply;
        },
        options,
      );
      const close = (): void => void served.close(); // It waits for requests whose answers got lost.
      life.onEnd(close);
      return {
        async close() {
          close();
          await life.sleep(5);
        },
      };
    },
    async request(subject, data, options) {
      await life.travel();
      if (life.isCutOff) {
        await life.sleep(options.timeoutMs);
        throw timedOut(subject, options.timeoutMs);
      }
      const reply = await bus.request(subject, data, options);
      await life.travel();
      if (life.isCutOff) throw timedOut(subject, options.timeoutMs);
      return reply;
    },
    answer(replyTo, reply) {
      const copy = { ...reply, data: reply.data.slice() };
      void life.travel().then(() => {
        if (!life.isCutOff) bus.answer(replyTo, copy);
      });
    },
    publish(subject, data) {
      const copy = data.slice();
      void life.travel().then(() => {
        if (!life.isCutOff) bus.publish(subject, copy);
      });
    },
    async subscribe(subject, handler) {
      await life.travel();
      const subscribed = await bus.subscribe(subject, (on, data) => {
        void life.travel().then(() => {
          if (!life.isCutOff) handler(on, data);
        });
      });
      const close = (): void => void subscribed.close();
      life.onEnd(close);
      return {
        async close() {
          close();
        },
      };
    },
  };
}

/** A node's disk under its contexts: commits take their time, and a crash may come before them. */
export function diskContexts(held: ContextStore, life: Life): ContextStore {
  return {
    meta: () => held.meta(),
    outbox: () => held.outbox(),
    load: (user) => held.load(user),
    loadRing: (user) => held.loadRing(user),
    held: () => held.held(),
    authenticated: () => held.authenticated(),
    authenticatedAfter: (...given) => held.authenticatedAfter(...given),
    contexts: () => held.contexts(),
    contextsAfter: (...given) => held.contextsAfter(...given),
    users: () => held.users(),
    snapshot: () => held.snapshot(),
    scrub: () => life.write(() => void held.scrub()),
    import: () => held.import(),
    commit: (commit: ShardCommit) => life.write(() => void held.commit(commit)),
    removeOutbox: (keys: readonly number[]) => life.write(() => void held.removeOutbox(keys)),
    close: async () => {},
  };
}

/** A node's disk under its profiles. */
export function diskProfiles(held: ProfileStore, life: Life): ProfileStore {
  return {
    meta: () => held.meta(),
    pending: () => held.pending(),
    member: (...given) => held.member(...given),
    membersAfter: (...given) => held.membersAfter(...given),
    sums: (encoder) => held.sums(encoder),
    scrub: () => life.write(() => void held.scrub()),
    commit: (commit: ProfileCommit) => life.write(() => void held.commit(commit)),
    close: async () => {},
  };
}

/** One call over a wire: it waits while the node is cut off, and its answer may get lost. */
async function overWire<T>(
  life: Life,
  patienceMs: number,
  code: string,
  what: string,
  act: () => Promise<T>,
): Promise<T> {
  await life.travel();
  const fail = (): EngineError =>
    new EngineError({ code, message: `${what}: ${life.name} is cut off`, retryable: true });
  if (!(await life.reaches(patienceMs))) throw fail();
  const result = await act();
  await life.travel();
  if (life.isCutOff) throw fail();
  return result;
}
