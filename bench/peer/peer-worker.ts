import { decodeEntries } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import type { Context } from "../../src/shards/context.ts";
import { decodeContext, writeContext } from "../../src/shards/context-codec.ts";
import { ContextCache } from "./context-cache.ts";
import { PeerFold, type PeerTransition } from "./peer-fold.ts";
import { contextsKey, GROUP, monotonicMs, streamKey, TRANSITIONS } from "./peer-keys.ts";
import type { WorkerReport, WorkerSetup } from "./peer-messages.ts";
import type { RedisConnection, RedisWord } from "./redis-client.ts";

/** An entry of a stream as Redis sends it: id, then names and values in turn. */
type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];
type Reading = readonly (readonly [stream: Buffer, entries: readonly StreamEntry[]])[] | null;

/** A read waits so long for events, so that a worker which is to end looks up. */
const BLOCK_MS = 50;
const TRANSITIONS_MAX = "100000";

/**
 * One worker of the pipeline. It owns a partition: a stream, and the hash of its users' states.
 *
 * What makes it fast: large batches; the next batch is read over a connection of its own while this one is folded; one
 * read for all users of a batch that are not cached; one transaction a batch (states, transitions, acknowledgements),
 * under way while the next batch is folded. As states and acknowledgements are one transaction, what Redis delivers again
 * after a crash was not counted yet. A cache is honest because nobody else writes a partition's states; it did
 * not pay (see `PeerOptions.cacheUsers`).
 */
export class PeerWorker {
  readonly #setup: WorkerSetup;
  readonly #reader: RedisConnection;
  readonly #states: RedisConnection;
  readonly #committed: (events: number) => void;
  readonly #fold: PeerFold;
  readonly #cache: ContextCache;
  readonly #writer = new ByteWriter();
  #latenciesMs: number[] = [];
  #repeats = 0;
  #transitions = 0;
  #isStopping = false;

  /** @param committed - Told of each batch when it is committed. */
  constructor(
    setup: WorkerSetup,
    connections: { readonly reader: RedisConnection; readonly states: RedisConnection },
    committed: (events: number) => void,
  ) {
    this.#setup = setup;
    this.#reader = connections.reader;
    this.#states = connections.states;
    this.#committed = committed;
    this.#fold = new PeerFold(setup.release);
    this.#cache = new ContextCache(setup.cacheUsers);
  }

  /** Works until it is told to stop. */
  async run(): Promise<void> {
    await this.#finishPending();
    let next = this.#read(">");
    let commit = Promise.resolve();
    while (!this.#isStopping) {
      const entries = await next;
      next = this.#read(">");
      if (entries.length === 0) continue;
      const under = await this.#apply(entries);
      await commit; // One transaction may be under way, not more: the next one would only wait in Redis.
      commit = under.commit;
    }
    await Promise.all([next, commit]);
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** What was measured since the last report. */
  report(): WorkerReport {
    const latenciesMs = Float64Array.from(this.#latenciesMs);
    this.#latenciesMs = [];
    const [repeats, transitions] = [this.#repeats, this.#transitions];
    return { kind: "report", latenciesMs, repeats, transitions, residentBytes: process.memoryUsage.rss() };
  }

  /** What an earlier life of this worker was given and did not commit. */
  async #finishPending(): Promise<void> {
    for (;;) {
      const entries = await this.#read("0");
      if (entries.length === 0) return;
      await (await this.#apply(entries)).commit;
    }
  }

  async #read(from: "0" | ">"): Promise<readonly StreamEntry[]> {
    const { partition, batchEvents } = this.#setup;
    const reading = (await this.#reader.send([
      ...["XREADGROUP", "GROUP", GROUP, `worker-${partition}`, "COUNT", String(batchEvents)],
      ...["BLOCK", String(BLOCK_MS), "STREAMS", streamKey(partition), from],
    ])) as Reading;
    return reading?.[0]?.[1] ?? [];
  }

  /** Folds a batch and sends its transaction. */
  async #apply(entries: readonly StreamEntry[]): Promise<{ readonly commit: Promise<void> }> {
    const behaviours = entries.flatMap(([, fields]): Behaviour[] =>
      decodeEntries(valueAt(fields, 1)).filter((entry) => entry.kind === "behaviour"),
    );
    const contexts = await this.#contextsOf(behaviours);
    const transitions: PeerTransition[] = [];
    for (const behaviour of behaviours) {
      const context = contexts.get(behaviour.user);
      if (context !== undefined && !this.#fold.apply(context, behaviour, transitions)) this.#repeats++;
    }
    this.#transitions += transitions.length;
    const commit = this.#commit(entries, contexts.values(), transitions);
    this.#cache.shrink();
    return { commit };
  }

  /** The contexts of a batch's users: those held, then in one read those in Redis, then new ones. */
  async #contextsOf(behaviours: readonly Behaviour[]): Promise<Map<string, Context>> {
    const contexts = new Map<string, Context>();
    const missing = new Set<string>();
    for (const { user } of behaviours) {
      if (contexts.has(user) || missing.has(user)) continue;
      const held = this.#cache.find(user);
      if (held === undefined) missing.add(user);
      else contexts.set(user, held);
    }
    if (missing.size === 0) return contexts;
    const key = contextsKey(this.#setup.partition);
    const states = (await this.#states.send(["HMGET", key, ...missing])) as readonly (Buffer | null)[];
    let index = 0;
    for (const user of missing) {
      const state = states[index++];
      const context = state ? decodeContext(user, state) : this.#fold.newContext(user);
      this.#cache.add(context);
      contexts.set(user, context);
    }
    return contexts;
  }

  /** The states of a batch, all in one buffer. */
  #encoded(contexts: Iterable<Context>): (readonly [user: string, state: Buffer])[] {
    this.#writer.reset();
    const ends = [...contexts].map((context) => {
      writeContext(context, this.#writer);
      return [context.user, this.#writer.length] as const;
    });
    const { buffer, byteOffset } = this.#writer.finish();
    let at = byteOffset;
    return ends.map(([user, end]) => {
      const state = Buffer.from(buffer, at, byteOffset + end - at);
      at = byteOffset + end;
      return [user, state];
    });
  }

  async #commit(
    entries: readonly StreamEntry[],
    contexts: Iterable<Context>,
    transitions: readonly PeerTransition[],
  ): Promise<void> {
    const { partition } = this.#setup;
    const states: RedisWord[] = ["HSET", contextsKey(partition)];
    for (const [user, state] of this.#encoded(contexts)) states.push(user, state);
    const acknowledged = [
      "XACK",
      streamKey(partition),
      GROUP,
      ...entries.map(([id]) => id.toString("latin1")),
    ];
    const send = (words: readonly RedisWord[]) => this.#states.send(words);
    await Promise.all([
      send(["MULTI"]),
      send(states),
      ...transitions.map((one) =>
        send(["XADD", TRANSITIONS, "MAXLEN", "~", TRANSITIONS_MAX, "*", "d", JSON.stringify(one)]),
      ),
      send(acknowledged),
      send(["EXEC"]),
    ]);
    const nowMs = monotonicMs();
    for (const [, fields] of entries) {
      if (fields.length > 2) this.#latenciesMs.push(nowMs - Number(valueAt(fields, 3).toString("latin1")));
    }
    this.#committed(entries.length);
  }
}

function valueAt(fields: readonly Buffer[], at: number): Buffer {
  const value = fields[at];
  if (value === undefined) throw new Error("an entry of the stream has other fields than it was given");
  return value;
}
