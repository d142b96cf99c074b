import type { Bus } from "../actors/bus.ts";
import type { Log, LogMessage, LogReader } from "../actors/log.ts";
import { untrainedEncoder } from "../embedding/untrained-encoder.ts";
import { decodeEntry } from "../events/log-codec.ts";
import type { LogEntry, PositionedEntry } from "../events/log-entry.ts";
import type { Subjects } from "../events/subjects.ts";
import { FEATURES } from "../features/all-families.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import { prepareScorer, priorScorer, type Scorer } from "../resonance/scorer.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { encodeContext } from "./context-codec.ts";
import type { ContextStore, ShardMeta } from "./context-store.ts";
import { foldBatch } from "./fold-batch.ts";
import { Outbox, outboxItems } from "./outbox.ts";
import { emptyOutcome, type Outcome } from "./outcome.ts";
import type { ReleaseSource } from "./releases.ts";
import { serveShard } from "./serve-shard.ts";
import type { DeadLetter } from "./shard-messages.ts";
import {
  metaOf,
  NO_DEFINITIONS,
  newShardState,
  type ShardState,
  useDefinitions,
  useEncoder,
  useScorers,
} from "./shard-state.ts";

/** What a shard host needs of the world. */
export type ShardPorts = Readonly<{
  log: Log;
  bus: Bus;
  store: ContextStore;
  releases: ReleaseSource;
  clock: Clock;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  subjects: Subjects;
}>;

export type ShardHostOptions = Readonly<{
  shard: number;
  node: string;
  /** Contexts kept in memory. */
  residentUsers: number;
  /** Newest events kept a user. */
  ringEvents: number;
  /** Entries a transaction at most. */
  batchEntries: number;
}>;

/** A shard actor that runs. */
export type ShardHost = Readonly<{
  /** Rejects when the host can't go on; resolves after `stop`. */
  done: Promise<void>;
  /** Finishes the batch under way, commits and closes the store. */
  stop(): Promise<void>;
}>;

/** Unpublished outputs at which the shard stops folding: they are kept by its log, not by memory. */
const OUTBOX_MAX = 20_000;
const RETRY_MS = 200;

/**
 * Starts the actor of one shard: it reads its log from the last committed entry on, folds, commits contexts and
 * offset in one transaction, publishes what follows, and answers requests from memory.
 */
export async function startShardHost(ports: ShardPorts, options: ShardHostOptions): Promise<ShardHost> {
  const host = new Host(ports, options);
  await host.open();
  return { done: host.run(), stop: () => host.stop() };
}

class Host {
  readonly #ports: ShardPorts;
  readonly #options: ShardHostOptions;
  readonly #state: ShardState;
  readonly #outbox: Outbox;
  readonly #writer = new ByteWriter();
  #nextOutbox = 1;
  #reader: LogReader | undefined;
  #committing: Promise<void> = Promise.resolve();
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  #closeServed: () => Promise<void> = async () => {};
  /** Called after each batch: requests wait here for their log position. */
  #applied = new Set<() => void>();

  constructor(ports: ShardPorts, options: ShardHostOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#state = newShardState({
      shard: options.shard,
      features: FEATURES,
      encoder: untrainedEncoder(FEATURES),
      source: ports.store,
      residentUsers: options.residentUsers,
      ringEvents: options.ringEvents,
    });
    this.#outbox = new Outbox(ports.log, ports.store);
  }

  async open(): Promise<void> {
    const { log, subjects, store } = this.#ports;
    const meta = store.meta();
    if (meta !== undefined) {
      refuseOtherSchema(meta, this.#options.shard);
      await this.#restore(meta);
    }
    this.#reader = await log.read(subjects.shardLog(this.#options.shard), this.#state.applied + 1);
    this.#closeServed = await serveShard(this.#ports, this.#state, {
      node: this.#options.node,
      lag: () => this.#reader?.lag() ?? 0,
      reaches: (sequence, waitMs) => this.#reaches(sequence, waitMs),
    });
  }

  run(): Promise<void> {
    const publishing = this.#outbox.run(() => this.#ports.sleep(RETRY_MS));
    this.#running = Promise.race([this.#drain(), publishing]); // Publishing ends only once it is closed, or fails.
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#reader?.close();
    await this.#running.catch(() => {}); // Whoever awaits `done` is told.
    await this.#closeServed();
    await this.#committing.catch(() => {});
    this.#outbox.close();
    await this.#ports.store.close();
  }

  async #drain(): Promise<void> {
    const reader = this.#reader;
    if (reader === undefined) return;
    while (!this.#stopping) {
      while (this.#outbox.waiting > OUTBOX_MAX && !this.#stopping) await this.#ports.sleep(RETRY_MS);
      const messages = await reader.next(this.#options.batchEntries);
      if (messages.length === 0) break;
      await this.#apply(messages);
    }
    await this.#committing;
  }

  /** Folds a batch. The commit of the one before may still be under way; a second one waits for it. */
  async #apply(messages: readonly LogMessage[]): Promise<void> {
    const { entries, deadLetters } = readEntries(this.#options.shard, messages);
    const last = messages.at(-1)?.sequence ?? this.#state.applied;
    try {
      await this.#fetchReleases(entries);
      const outcome = this.#fold(entries);
      this.#state.applied = last;
      await this.#commit(outcome, deadLetters);
    } catch (thrown) {
      if (thrown instanceof EngineError && thrown.retryable) throw thrown; // The world failed, not the entry.
      await this.#oneByOne(messages);
    }
  }

  #fold(entries: readonly PositionedEntry[]): Outcome {
    this.#state.batch++;
    const outcome = emptyOutcome();
    foldBatch(this.#state, entries, outcome);
    return outcome;
  }

  /** After a batch that threw: from the store's state, each entry alone; one that throws again is set aside. */
  async #oneByOne(messages: readonly LogMessage[]): Promise<void> {
    for (const message of messages) {
      await this.#committing;
      const meta = this.#ports.store.meta();
      await this.#restore(meta ?? this.#emptyMeta());
      if (message.sequence <= this.#state.applied) continue;
      const { entries, deadLetters } = readEntries(this.#options.shard, [message]);
      let outcome: Outcome;
      try {
        await this.#fetchReleases(entries);
        outcome = this.#fold(entries);
      } catch (thrown) {
        await this.#restore(meta ?? this.#emptyMeta());
        this.#state.batch++;
        outcome = emptyOutcome();
        deadLetters.push(deadLetter(this.#options.shard, message, thrown));
      }
      this.#state.applied = message.sequence;
      await this.#commit(outcome, deadLetters);
    }
    await this.#committing;
  }

  async #commit(outcome: Outcome, deadLetters: readonly DeadLetter[]): Promise<void> {
    const state = this.#state;
    state.counters.deadLetters += deadLetters.length;
    const items = outboxItems(state.shard, outcome, deadLetters, this.#ports.subjects, this.#nextOutbox);
    this.#nextOutbox += items.length;
    const commit = {
      contexts: [...outcome.touched].map(
        (context) => [context.user, encodeContext(context, this.#writer)] as const,
      ),
      ring: outcome.ring,
      authenticated: outcome.authenticated,
      outbox: items,
      meta: metaOf(state, this.#nextOutbox),
    };
    const { batch } = state;
    await this.#committing;
    this.#committing = this.#ports.store.commit(commit).then(() => {
      this.#outbox.add(items);
      state.recent.committed(batch);
      for (const [user, since] of state.newlyAuthenticated)
        if (since <= batch) state.newlyAuthenticated.delete(user);
      state.contexts.passivate(batch);
    });
    this.#committing.catch(() => {}); // Awaited before the next commit, where a failure ends the host.
    for (const tell of this.#applied) tell();
  }

  /** Brings memory to what the store holds. */
  async #restore(meta: ShardMeta): Promise<void> {
    const { releases } = this.#ports;
    const state = this.#state;
    state.contexts.clear();
    state.recent.clear();
    state.newlyAuthenticated.clear();
    state.applied = meta.applied;
    this.#nextOutbox = meta.nextOutbox;
    const encoder = await releases.encoder(meta.encoder);
    if (encoder === undefined) {
      const message = `encoder ${meta.encoder} of shard ${state.shard} is not in the artefact store`;
      throw new EngineError({ code: "RELEASE_MISSING", message, retryable: true });
    }
    useEncoder(state, encoder);
    const definitions = meta.segments === 0 ? NO_DEFINITIONS : await releases.segments(meta.segments);
    state.scorers = [];
    useDefinitions(state, definitions ?? NO_DEFINITIONS);
    state.activatedMs.clear();
    for (const [map, atMs] of Object.entries(meta.activatedMs)) state.activatedMs.set(map, atMs);
    const scorers = await Promise.all(
      state.definitions.maps.map((map) => this.#storedScorer(map, meta.profiles[map.name] ?? 0)),
    );
    useScorers(state, scorers);
  }

  async #storedScorer(map: SegmentMap, version: number): Promise<Scorer> {
    const published = version === 0 ? undefined : await this.#ports.releases.profiles(map.name, version);
    return published === undefined ? priorScorer(map, this.#state.encoder) : prepareScorer(published);
  }

  #emptyMeta(): ShardMeta {
    return {
      applied: 0,
      schema: FEATURES.version,
      encoder: untrainedEncoder(FEATURES).version,
      profiles: {},
      activatedMs: {},
      segments: 0,
      nextOutbox: 1,
    };
  }

  /** What control entries name must be there when they are folded, since the fold never waits. */
  async #fetchReleases(entries: readonly PositionedEntry[]): Promise<void> {
    const fetched = this.#state.releases;
    const source = this.#ports.releases;
    fetched.release();
    for (const { entry } of entries) await fetchFor(entry, fetched, source);
  }

  /** Waits until an entry is folded. @returns False if that takes longer than `waitMs`. */
  async #reaches(sequence: number, waitMs: number): Promise<boolean> {
    if (this.#state.applied >= sequence) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = (): void => {
      if (this.#state.applied >= sequence) resolve(true);
    };
    this.#applied.add(look);
    void this.#ports.sleep(waitMs).then(() => resolve(false));
    try {
      return await promise;
    } finally {
      this.#applied.delete(look);
    }
  }
}

/** Slabs of another layout would be misread without a sign; the log still has all that they were folded from. */
function refuseOtherSchema({ schema }: ShardMeta, shard: number): void {
  if (schema === FEATURES.version) return;
  const message = `the contexts of shard ${shard} were folded with feature schema ${schema}, this build has ${FEATURES.version}: remove its folder under shards/ in the data folder, and it is rebuilt from the log`;
  throw new EngineError({ code: "CONTEXTS_OUTDATED", message, retryable: false, detail: { schema, shard } });
}

async function fetchFor(
  entry: LogEntry,
  fetched: ShardState["releases"],
  source: ReleaseSource,
): Promise<void> {
  if (entry.kind === "encoder-prepared") await fetched.fetchEncoder(source, entry.encoder);
  if (entry.kind === "segments-activated") await fetched.fetchSegments(source, entry.version);
  if (entry.kind === "profiles-activated") await fetched.fetchProfiles(source, entry.map, entry.version);
  if (entry.kind === "encoder-activated") {
    await fetched.fetchEncoder(source, entry.encoder);
    for (const [map, version] of Object.entries(entry.profiles))
      await fetched.fetchProfiles(source, map, version);
  }
}

function readEntries(
  shard: number,
  messages: readonly LogMessage[],
): { entries: PositionedEntry[]; deadLetters: DeadLetter[] } {
  const entries: PositionedEntry[] = [];
  const deadLetters: DeadLetter[] = [];
  for (const message of messages) {
    try {
      entries.push({
        sequence: message.sequence,
        loggedAtMs: message.storedAtMs,
        entry: decodeEntry(message.data),
      });
    } catch (thrown) {
      deadLetters.push(deadLetter(shard, message, thrown));
    }
  }
  return { entries, deadLetters };
}

function deadLetter(shard: number, message: LogMessage, thrown: unknown): DeadLetter {
  const { code, message: reason } = toWireError(thrown);
  return { shard, sequence: message.sequence, code, reason, data: new Uint8Array(message.data) };
}
