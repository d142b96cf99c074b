import { createHash } from "node:crypto";
import type { KeptStream } from "../../src/actors/kept-stream.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { sealingBy } from "./sealing.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const subjects = subjectsOf("sim");
export const hashUser = userHasher(new Uint8Array(32).fill(1));

/** An answer that a shard's owner gave. */
export type GivenAnswer = Readonly<{ shard: number; epoch: number; node: string; atMs: number }>;

/**
 * What NATS is in a simulation: log, table, blobs and bus, which all nodes reach over wires of their own, and a record
 * of what was seen from outside.
 */
export type Servers = ReturnType<typeof startServers>;

/** A stream of the log as one that nothing is folded from: a deleted message is one without bytes. */
function keptStream(log: MemoryLog, stream: string): KeptStream {
  return {
    async *messages() {
      for (const message of log.everStored(stream)) if (message.data.length > 0) yield message;
    },
    async messagesAt(sequences) {
      const held = log.everStored(stream);
      return sequences.flatMap((sequence) => held[sequence - 1] ?? []).filter(({ data }) => data.length > 0);
    },
    append: async (messages) => void (await log.append(stream, messages)),
    async erase(sequences) {
      const held = sequences.map((sequence) => log.everStored(stream)[sequence - 1]!);
      await log.redact(
        stream,
        held.map((message) => ({ ...message, data: new Uint8Array() })),
      );
      return held.length;
    },
  };
}

/** Servers without content. `dedupes`: whether the log drops repeated ids, as it does for two minutes in truth. */
export function startServers(time: VirtualTime, random: Random, dedupes: boolean) {
  const hash = createHash("sha256");
  const lines: string[] = [];
  const bus = memoryBus((afterMs, callback) => {
    let isCancelled = false;
    time.after(afterMs, () => {
      if (!isCancelled) callback();
    });
    return () => {
      isCancelled = true;
    };
  });
  const log = new MemoryLog(time, () => {}, dedupes ? {} : { duplicateWindowMs: 0 });
  /** Of each shard's log the messages of which something was redacted, and who was exposed to what arm in those. */
  const redacted = { sequences: new Map<string, Set<number>>(), arms: new Map<string, number>() };
  const redact = log.redact.bind(log);
  log.redact = async (stream, messages) => {
    const sequences = redacted.sequences.get(stream) ?? new Set();
    redacted.sequences.set(stream, sequences);
    for (const { sequence } of messages) {
      sequences.add(sequence);
      if (!stream.includes("_LOG_")) continue;
      for (const entry of decodeEntries(log.everStored(stream)[sequence - 1]!.data))
        if (entry.kind === "behaviour" && entry.exposure !== undefined && !redacted.arms.has(entry.user))
          redacted.arms.set(entry.user, entry.exposure.arm);
    }
    await redact(stream, messages);
  };
  return {
    time,
    random,
    bus,
    log,
    redacted,
    kept: {
      decisions: keptStream(log, subjects.decisions),
      deadLetters: keptStream(log, subjects.deadLetters),
      transitions: keptStream(log, subjects.transitions),
    },
    table: memoryKeyValue(),
    blobs: memoryBlobStore(),
    snapshots: memoryBlobStore(),
    cipher: sealingBy(seededRandom(Math.floor(random() * 2 ** 32))),
    answers: [] as GivenAnswer[],
    /** What is wrong, as seen while it ran. */
    findings: [] as string[],
    /** Notes what happened: the same seed notes the same. */
    trace(line: string): void {
      const stamped = `${time.monotonicMs().toFixed(3)} ${line}`;
      hash.update(stamped);
      lines.push(stamped);
    },
    lines,
    digest: (): string => hash.copy().digest("hex"),
  };
}
