import type { BlobStore } from "../../src/actors/blob-store.ts";
import type { KeyValue } from "../../src/actors/key-value.ts";
import type { Log, LogReader } from "../../src/actors/log.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { WindowLedger } from "../../src/profiles/window-ledger.ts";
import { Context } from "../../src/shards/context.ts";
import type { ContextStore, ShardCommit } from "../../src/shards/context-store.ts";
import { SeenIds } from "../../src/shards/seen-ids.ts";
import { decodeUnit, encodeRecord } from "../../src/supervisor/cluster-records.ts";
import type { SessionDeadline } from "../../src/supervisor/session.ts";
import type { Life } from "./life.ts";
import type { Servers } from "./servers.ts";

/**
 * A fault of the code, planted where the code meets the world: the simulation must find each, or its oracle is blind.
 */
export type PlantedBug = Readonly<{
  name: string;
  log?(log: Log, servers: Servers, life: Life): Log;
  /** The log as the gateway sees it. */
  gatewayLog?(log: Log, servers: Servers, life: Life): Log;
  table?(table: KeyValue): KeyValue;
  deadline?(deadline: SessionDeadline): SessionDeadline;
  /** `disk` writes with delays and crashes, `held` is what the disk holds. */
  contexts?(disk: ContextStore, held: ContextStore, life: Life): ContextStore;
  profiles?(disk: ProfileStore, held: ProfileStore): ProfileStore;
  /** The snapshots as a unit sees them. */
  snapshots?(blobs: BlobStore): BlobStore;
  /** Changes the code itself. @returns Changes it back. */
  patch?(): () => void;
}>;

const nothing = { contexts: [], ring: [], authenticated: [], outbox: [] };

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "the offset is committed before the state",
    contexts: (disk) => ({
      ...disk,
      async commit(commit: ShardCommit) {
        await disk.commit({ ...commit, ...nothing });
        await disk.commit(commit);
      },
    }),
  },
  {
    name: "the state is committed before the offset",
    contexts: (disk, _, life) => ({
      ...disk,
      async commit(commit: ShardCommit) {
        const before = disk.meta();
        if (before !== undefined) await disk.commit({ ...commit, outbox: [], meta: before });
        await life.sleep(20);
        await disk.commit(commit);
      },
    }),
  },
  {
    name: "an event is acknowledged before the log has stored it",
    gatewayLog: (log) => ({
      ...log,
      async append(stream, messages) {
        void log.append(stream, messages).catch(() => {});
        return messages.map(() => 1);
      },
    }),
  },
  {
    name: "a repeated event counts again",
    patch() {
      const { add } = SeenIds.prototype;
      SeenIds.prototype.add = function (this: SeenIds, id: string) {
        add.call(this, id);
        return true;
      };
      return () => {
        SeenIds.prototype.add = add;
      };
    },
  },
  {
    name: "the fence is forgotten: a lease counts as held for ever",
    deadline: (deadline) => ({ ...deadline, isHeld: () => true }),
  },
  {
    name: "compare-and-set does not compare",
    table: (table) => ({
      ...table,
      async swap(key, value, expected) {
        for (;;) {
          const held = key.startsWith("unit.") ? await table.get(key) : undefined;
          const revision = await table.swap(key, value, held?.revision ?? expected);
          if (revision !== undefined || !key.startsWith("unit.")) return revision;
        }
      },
    }),
  },
  {
    name: "the epoch does not grow",
    table: (table) => ({
      ...table,
      swap: (key, value, expected) =>
        table.swap(key, key.startsWith("unit.") ? withEpoch(value, 1) : value, expected),
    }),
  },
  {
    name: "outputs that an owner left behind are forgotten at take-over",
    contexts: (disk) => ({ ...disk, outbox: () => [] }),
  },
  {
    name: "an output counts as published when its transaction is committed",
    contexts: (disk) => ({
      ...disk,
      async commit(commit: ShardCommit) {
        await disk.commit(commit);
        await disk.removeOutbox(commit.outbox.map(({ key }) => key));
      },
    }),
  },
  {
    name: "a start reads from one entry too far on",
    log: (log) => ({
      ...log,
      read: async (stream, from) => {
        const { last } = await log.bounds(stream);
        return log.read(stream, from > 1 && from <= last ? from + 1 : from);
      },
    }),
  },
  {
    name: "a reader skips a message now and then",
    log: (log, servers) => ({
      ...log,
      read: async (stream, from) => {
        const reader = await log.read(stream, from);
        return stream.includes("_LOG_") ? skipping(reader, servers) : reader;
      },
    }),
  },
  {
    name: "the time of a node's own clock is folded",
    log: (log, _, life) => ({
      ...log,
      read: async (stream, from) => {
        const reader = await log.read(stream, from);
        return {
          ...methodsOf(reader),
          next: async (max) =>
            (await reader.next(max)).map((message) => ({ ...message, storedAtMs: life.clock.nowMs() })),
        };
      },
    }),
  },
  {
    name: "the ring is skipped when the encoder changes",
    contexts: (disk) => ({ ...disk, loadRing: () => [] }),
  },
  {
    name: "a state is left as it was when the encoder changes",
    patch() {
      const { replaceEncoder } = Context.prototype;
      Context.prototype.replaceEncoder = () => {};
      return () => {
        Context.prototype.replaceEncoder = replaceEncoder;
      };
    },
  },
  {
    name: "the profile actor forgets which samples it has seen",
    profiles: (disk) => ({
      ...disk,
      meta() {
        const meta = disk.meta();
        return meta === undefined ? undefined : { ...meta, marks: {} };
      },
    }),
  },
  {
    name: "the profile actor forgets which clicks it has counted",
    profiles: (disk) => ({
      ...disk,
      meta() {
        const meta = disk.meta();
        if (meta?.tallies === undefined) return meta;
        return { ...meta, tallies: { ...meta.tallies, marks: {} } };
      },
    }),
  },
  {
    name: "what is redacted stays in the log as it was",
    log: (log) => ({ ...log, redact: async () => {} }),
  },
  {
    name: "an erased member's samples are redacted, and the profiles keep them",
    patch() {
      const { remove } = WindowLedger.prototype;
      WindowLedger.prototype.remove = () => {};
      return () => {
        WindowLedger.prototype.remove = remove;
      };
    },
  },
  {
    name: "snapshots from before an erasure stay, with the keys of their parts",
    snapshots: (blobs) => ({ ...blobs, remove: async () => {} }),
  },
  {
    name: "a release counts as carried out before it is",
    log: (log) => ({
      ...log,
      async append(stream, messages) {
        const isActivation = stream.includes("_LOG_") && messages[0]?.id.startsWith("profiles:") === true;
        if (!isActivation) return log.append(stream, messages);
        void log.append(stream, messages).catch(() => {});
        return messages.map(() => 1);
      },
    }),
  },
];

function withEpoch(value: Uint8Array, epoch: number): Uint8Array {
  return encodeRecord({ ...decodeUnit(value), epoch });
}

function methodsOf(reader: LogReader): LogReader {
  return { next: (max) => reader.next(max), lag: () => reader.lag(), close: () => reader.close() };
}

function skipping(reader: LogReader, servers: Servers): LogReader {
  return {
    ...methodsOf(reader),
    async next(max) {
      const messages = await reader.next(max);
      return messages.length > 1 && servers.random() < 0.02 ? messages.slice(1) : messages;
    },
  };
}
