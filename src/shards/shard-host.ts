import { ask } from "../actors/ask.ts";
import type { Bus } from "../actors/bus.ts";
import type { ErasingCopy, ErasingView } from "../actors/erasing-copy.ts";
import type { Log, LogMessage, LogReader } from "../actors/log.ts";
import { LINKS_MAX, type Span, type Tracer } from "../actors/tracer.ts";
import type { Turns } from "../actors/turns.ts";
import type { Lease } from "../actors/unit-copy.ts";
import type { UnitMeter, WorkRole } from "../actors/unit-meter.ts";
import { untrainedEncoder } from "../embedding/untrained-encoder.ts";
import { decodeEntries, singleEntry } from "../events/log-codec.ts";
import type { PositionedEntry } from "../events/log-entry.ts";
import type { Subjects } from "../events/subjects.ts";
import { FEATURES } from "../features/all-families.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import type { HalfSipKey } from "../kernel/half-sip-hash.ts";
import { sha256Hex } from "../kernel/hash.ts";
import type { HideId } from "../kernel/hidden-ids.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { Report } from "../kernel/report.ts";
import { framesOf } from "../kernel/without-quotes.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { contextSchema, writeContext } from "./context-codec.ts";
import type { ContextStore, OutboxItem, PendingErasure, ShardCommit, ShardMeta } from "./context-store.ts";
import { foldBatch } from "./fold-batch.ts";
import { beginFold } from "./fold-trace.ts";
import { Outbox, outboxItems } from "./outbox.ts";
import { emptyOutcome, type Leaver, type Outcome } from "./outcome.ts";
import { erasedBy, outputWithout, usersIn } from "./outputs-of-users.ts";
import type { ReleaseSource } from "./releases.ts";
import { fetchFor, restoreVersions } from "./restore-versions.ts";
import { serveCopy, serveShard } from "./serve-shard.ts";
import type { ShardFigures } from "./shard-figures.ts";
import type { DeadLetter, LateOutputs } from "./shard-messages.ts";
import { metaOf, newShardState, type ShardState } from "./shard-state.ts";
import { Warmer } from "./warmer.ts";

/** What a shard host needs of the world. */
export type ShardPorts = Readonly<{
  log: Log;
  bus: Bus;
  store: ContextStore;
  releases: ReleaseSource;
  clock: Clock;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  /** Resolves once the requests that have come meanwhile are answered. */
  pause(): Promise<void>;
  /** Shared by the shards of a thread: of those that warm something up, one does it at a time. */
  turns?: Turns;
  /** A new unique id. */
  newId(): string;
  /** What the ids of answers are sealed with. */
  decisionKey: HalfSipKey;
  /** What finds an erased user whose id the log holds no more. */
  hashUser?: HashUser;
  subjects: Subjects;
  /** Is told of entries that were set aside, with their users as {@link hideUser} shows them. */
  report?: Report;
  hideUser?: HideId;
  /** Records traces; left out where none are wanted. */
  tracer?: Tracer;
  /** Measures what the thread's copies do. */
  meter?: UnitMeter;
}>;

export type ShardHostOptions = Readonly<{
  shard: number;
  /** Number of shards of the deployment. */
  shards: number;
  node: string;
  /** Contexts kept in memory. */
  residentUsers: number;
  /** Newest events kept a user. */
  ringEvents: number;
  /** Entries a transaction at most. */
  batchEntries: number;
}>;

/** Unpublished outputs at which the shard stops folding: they are kept by its log, not by memory. */
const OUTBOX_MAX = 20_000;
const RETRY_MS = 200;
/** An owner is found within so many tries: some minutes. */
const LATE_TRIES = 600;
/** It reads the log since the outputs' entries. */
const LATE_PATIENCE_MS = 120_000;

/** A copy this close to the log's end answers when the owner does not. */
const CAUGHT_UP_ENTRIES = 500;
/** How often the owner tells its standbys what is published. */
const TELL_PUBLISHED_MS = 250;
/** The same is told again after so long: who was away, or came later, may not have heard it. */
const TELL_AGAIN_MS = 2_000;
/** How often is looked whether a commit that somebody waits for is done. */
const SETTLE_LOOK_MS = 10;
/** Retries of a commit that found the disk full; what is in memory goes on answering meanwhile. */
const DISK_FULL_RETRY_MS = 1_000;
/** Entries folded, or contexts written down, between two pauses: about a millisecond. */
const SLICE_ENTRIES = 128;
const SLICE_CONTEXTS = 256;
/** Messages taken from the reader at once: while they are folded the next ones arrive. */
const READ_MESSAGES = 1_024;
/**
 * Between two commits pass so many times as long as a commit takes, at most so many ms: it costs by the context, and
 * the later it comes, the more events share one. From so many entries on that hardly grows, and it may come sooner.
 */
const COMMIT_PAUSE = { factor: 20, ms: 1_000 } as const;
const LARGE_COMMIT = { entries: 2_048, factor: 4, ms: 300 } as const;
/**
 * While more contexts are in memory than the bound, a commit of so many is due, however few entries: what was changed stays until
 * it is written, with copies of it for LMDB, and a log of ever new users would fill the memory. Elsewhere it would cost a
 * seventh of a drain.
 */
const COMMIT_CONTEXTS = 512;
/** The entry is not to blame for these: setting it aside would lose it. */
const NOT_THE_ENTRY = ["STORE_CORRUPT", "STORE_FAILED", "BLOB_CORRUPT", "LOG_TRIMMED", "LOG_TRUNCATED"];

/** What the owner tells its standbys, as MessagePack. */
type Published = Readonly<{ epoch: number; through: number }>;

/** What was folded and not committed yet, and what follows from it. */
type Counted = Pick<ShardState, "counters" | "withheld">;

type Group = {
  /** Entries folded. */
  entries: number;
  readonly outcome: Outcome;
  /** Entries that could not be folded, and are not handed over yet. */
  readonly deadLetters: DeadLetter[];
  /** Traces of its batches, as far as they are recorded. */
  readonly traces: string[];
  /** The shard's counters when it began. */
  readonly counted: Counted;
};

function newGroup({ counters, withheld }: ShardState): Group {
  const counted = { counters: { ...counters }, withheld: withheld.copy() };
  return { entries: 0, outcome: emptyOutcome(), deadLetters: [], traces: [], counted };
}

/**
 * Starts a copy of one shard: it reads the shard's log from its last committed entry on, folds, and commits contexts
 * and offset in one transaction. With the lease it publishes what follows, and answers requests from memory.
 */
export async function startShardHost(ports: ShardPorts, options: ShardHostOptions): Promise<ShardCopy> {
  const host = new Host(ports, options);
  await host.open();
  host.run();
  return host;
}

/** A shard's copy: what carries erasures out sees these of it. */
export type ShardCopy = ErasingCopy<
  ErasingView &
    Readonly<{
      /** Erasures that are folded, and not done everywhere, oldest first. */
      pending(): readonly PendingErasure[];
      /** Whom an erasure is of, if this copy has folded its entry while that told it. */
      userOf(id: string): string | undefined;
      /** Whether anything is held of a user, as of what is folded. */
      holds(user: string): boolean;
      /** Whether everything up to a place is committed, and what follows from it published. */
      isPublished(sequence: number): boolean;
      /** Whether the slices of a warm-up are under way: whom they are for follows from who is a member. */
      isWarmingUp(): boolean;
      /** Last entry that is folded. */
      applied(): number;
      /** Resolves once what is folded by now is committed, or can't be. */
      settle(): Promise<void>;
    }>
> &
  Readonly<{ figures(): ShardFigures }>;

class Host implements ShardCopy {
  readonly #ports: ShardPorts;
  readonly #options: ShardHostOptions;
  readonly #state: ShardState;
  readonly #outbox: Outbox;
  readonly #warmer: Warmer;
  readonly #writer = new ByteWriter();
  #nextOutbox = 1;
  /** What was folded since the last commit began. */
  #group: Group;
  /** The reader's next messages, asked for and not taken yet. */
  #reading: Promise<readonly LogMessage[]> | undefined;
  /** Up to this entry each one is folded alone: one of them has thrown. */
  #aloneUpTo = 0;
  /** When the last commit ended, by the monotonic clock, ms. */
  #committedAtMs = Number.NEGATIVE_INFINITY;
  /** Since the last commit the log was far ahead: once its end is reached, that is committed without a pause. */
  #isCatchingUp = false;
  /** How long it took for each of its entries, ms. */
  #commitMsEach = 0;
  /** Somebody waits for the next commit: it comes without a pause. */
  #isHurried = false;
  #hurry = Promise.withResolvers<void>();
  /** Resolves when it may. */
  #due: Promise<undefined> | undefined;
  /** Last entry whose outputs were handed over. */
  #publishedUpTo = 0;
  #reader: LogReader | undefined;
  #committing: Promise<void> = Promise.resolve();
  #isCommitting = false;
  #stopping = false;
  done: Promise<void> = Promise.resolve();
  /** The fold, which may go on for a while after something else has failed. */
  #draining: Promise<void> = Promise.resolve();
  #lease: Lease | undefined;
  /** Grows whenever ownership begins or ends: the loops of an earlier one end. */
  #turn = 0;
  /** Grows with each lease, and whenever publishing ends. */
  #leaseTurn = 0;
  #closeServed: () => Promise<void> = async () => {};
  #closeListening: () => Promise<void> = async () => {};
  /** Ends the answering as a copy, from the time on at which it had caught up. */
  #copyServed: Promise<() => Promise<void>> | undefined;
  /** Last entry whose transaction is committed. */
  #committed = 0;
  /** Last entry of which the owner has told that everything is published. */
  #publishedElsewhere = 0;
  #isDiskFull = false;
  /** When the log had the last entry that was folded, epoch ms. */
  #appliedAtMs = 0;
  /** Called after each batch: requests wait here for their log position. */
  #applied = new Set<() => void>();
  /** The newest entry since the start that has made this copy forget somebody. */
  #erasedThrough = 0;
  readonly erasing: ShardCopy["erasing"] = {
    erasedThrough: () => this.#erasedThrough,
    isSettled: (sequence) =>
      this.#committed >= sequence &&
      this.#outbox.publishedThrough(this.#committed) >= sequence &&
      this.#ports.store.outbox().every(({ after }) => after >= sequence),
    isPublished: (sequence) =>
      this.#committed >= sequence && this.#outbox.publishedThrough(this.#committed) >= sequence,
    pending: () => this.#state.erasures,
    userOf: (id) => this.#state.erasing.get(id),
    holds: (user) => this.#state.contexts.find(user) !== undefined,
    isWarmingUp: () => this.#state.warmUps.some(({ done }) => !done),
    applied: () => this.#state.applied,
    settle: () => this.#settle(),
  };

  constructor(ports: ShardPorts, options: ShardHostOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#state = newShardState({
      shard: options.shard,
      key: ports.subjects.outputKey(options.shard),
      features: FEATURES,
      encoder: untrainedEncoder(FEATURES),
      source: ports.store,
      residentUsers: options.residentUsers,
      ringEvents: options.ringEvents,
      ...(ports.hashUser === undefined ? {} : { hashUser: ports.hashUser }),
    });
    const tellLate = (items: readonly OutboxItem[]): void => void this.#tellLate(items);
    this.#outbox = new Outbox({ ...ports, tellLate });
    this.#group = newGroup(this.#state);
    const { shard } = options;
    this.#warmer = new Warmer(ports, this.#state, {
      reaches: (sequence, waitMs) => this.#reaches(sequence, waitMs),
      stream: ports.subjects.shardLog(shard),
    });
  }

  async open(): Promise<void> {
    const { log, subjects, store } = this.#ports;
    const meta = store.meta();
    if (meta !== undefined) {
      refuseOtherSchema(meta, this.#options.shard);
      await this.#restore(meta);
    }
    this.#committed = this.#state.applied;
    this.#erasedThrough = this.#state.erasures.at(-1)?.sequence ?? 0;
    this.#reader = await log.read(subjects.shardLog(this.#options.shard), this.#state.applied + 1);
    await this.#listen();
  }

  run(): void {
    const publishing = this.#outbox.run(() => this.#ports.sleep(RETRY_MS));
    this.#draining = this.#drain();
    this.done = Promise.race([this.#draining, publishing]); // Publishing ends only once it is closed, or fails.
    this.done.catch(() => {}); // Whoever started the copy awaits it too.
    void this.#answerOnceCaughtUp();
  }

  async own(lease: Lease): Promise<void> {
    const served = this.#lease !== undefined;
    this.#lease = lease;
    await this.#closeListening();
    void this.#publishOnceCaughtUp(lease);
    this.#warmer.own(lease);
    if (served) return;
    void this.#tellPublished(++this.#turn);
    this.#closeServed = await serveShard(this.#ports, this.#state, {
      ...this.#copyView(),
      lease: () => this.#lease,
      isDiskFull: () => this.#isDiskFull,
      committed: () => this.#committed,
      settle: () => this.#settle(),
    });
    await this.#answerAsCopy();
  }

  drain(): Promise<void> {
    this.#leaseTurn++;
    return this.#outbox.drain();
  }

  /**
   * Publishes once everything is folded that is in the log by now: what this copy still had to publish may be of users whom an
   * owner before has erased meanwhile.
   */
  async #publishOnceCaughtUp(lease: Lease): Promise<void> {
    const turn = ++this.#leaseTurn;
    const isWaiting = (): boolean => this.#leaseTurn === turn && !this.#stopping;
    const { log, sleep, subjects } = this.#ports;
    let last: number | undefined;
    while (isWaiting() && last === undefined) {
      try {
        ({ last } = await log.bounds(subjects.shardLog(this.#options.shard)));
      } catch {
        await sleep(RETRY_MS);
      }
    }
    // A copy that is far behind would wait for itself: its log was redacted before it read it.
    const isBehind = (): boolean => this.#publishedUpTo < (last ?? 0) && this.#outbox.waiting <= OUTBOX_MAX;
    while (isWaiting() && isBehind()) await sleep(SETTLE_LOOK_MS);
    if (!isWaiting()) return;
    this.#withholdRemovals();
    this.#outbox.own(lease);
  }

  /**
   * Of erasures that are not done, what waits tells the removals by the hash alone from here on. The owner before may end such an
   * erasure at the same time: it has looked for the last time what the samples have of the user, and this copy, which may find
   * no name in the log any more, would not look again.
   */
  #withholdRemovals(): void {
    const { erasing, erasures } = this.#state;
    this.#withhold(
      erasures.map(({ id, hash, sequence }) => {
        const user = erasing.get(id);
        return { sequence: sequence + 1, hash, ...(user === undefined ? {} : { user }) };
      }),
    );
  }

  async rest(): Promise<void> {
    await this.#closeServed();
    this.#closeServed = async () => {};
    this.#lease = undefined;
    this.#turn++;
    this.#leaseTurn++;
    this.#warmer.rest();
    await this.#outbox.rest();
    if (!this.#stopping) await this.#listen();
  }

  async lag(): Promise<number> {
    const { last } = await this.#ports.log.bounds(this.#ports.subjects.shardLog(this.#options.shard));
    return Math.max(0, last - this.#state.applied);
  }

  figures(): ShardFigures {
    const { applied, activatedMs, contexts, counters, erasures, scorers, withheld } = this.#state;
    const profiles = scorers.map(({ map, version }) => {
      return [map, { version, activatedMs: activatedMs.get(map) ?? 0 }] as const;
    });
    return {
      kind: "shard",
      shard: this.#options.shard,
      isOwner: this.#workRole() === "owner",
      applied,
      lag: this.#reader?.lag() ?? 0,
      appliedAtMs: this.#appliedAtMs,
      resident: contexts.size,
      users: this.#ports.store.users(),
      evictions: contexts.passivated,
      outputs: this.#outbox.waiting,
      diskFull: this.#isDiskFull,
      counters: { ...counters },
      withheld: withheld.figures(),
      profiles: Object.fromEntries(profiles),
      erasures: { pending: erasures.length, oldestMs: erasures[0]?.askedMs ?? null },
    };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#warmer.stop();
    await this.#reader?.close();
    await this.#draining.catch(() => {}); // Whoever awaits `done` is told.
    await this.rest();
    await this.#closeListening();
    const closeCopy = await this.#copyServed?.catch(() => undefined);
    await closeCopy?.();
    await this.#committing.catch(() => {});
    await this.#outbox.close();
    await this.#ports.store.close();
  }

  /** A copy that was just opened may still be empty. */
  async #answerOnceCaughtUp(): Promise<void> {
    while (!this.#stopping && this.#copyServed === undefined) {
      try {
        if ((await this.lag()) <= CAUGHT_UP_ENTRIES) await this.#answerAsCopy();
      } catch {
        // The log, or the bus, is out of reach: the next round tries again.
      }
      await this.#ports.sleep(RETRY_MS);
    }
  }

  /** Answers reads from now on, also without the lease. */
  async #answerAsCopy(): Promise<void> {
    if (this.#stopping) return;
    this.#copyServed ??= serveCopy(this.#ports, this.#state, this.#copyView());
    try {
      await this.#copyServed;
    } catch (thrown) {
      this.#copyServed = undefined;
      throw thrown;
    }
  }

  #copyView() {
    return {
      node: this.#options.node,
      shards: this.#options.shards,
      lag: () => this.#reader?.lag() ?? 0,
      reaches: (sequence: number, waitMs: number) => this.#reaches(sequence, waitMs),
    };
  }

  /** Hears from the owner what is published, so that this copy need not keep it. */
  async #listen(): Promise<void> {
    const { bus, subjects } = this.#ports;
    const subject = subjects.shard(this.#options.shard, "published");
    const listening = await bus.subscribe(subject, (_, data) => {
      const { through } = decode(data) as Published;
      this.#publishedElsewhere = Math.max(this.#publishedElsewhere, through);
      this.#outbox.forget(this.#publishedElsewhere);
    });
    this.#closeListening = async () => {
      this.#closeListening = async () => {};
      await listening.close();
    };
  }

  /** Tells the standbys what they need not keep, until another lease or none is held. */
  async #tellPublished(turn: number): Promise<void> {
    const { bus, sleep, subjects } = this.#ports;
    const subject = subjects.shard(this.#options.shard, "published");
    let told = -1;
    let toldMs = Number.NEGATIVE_INFINITY;
    while (!this.#stopping && this.#turn === turn) {
      const through = this.#outbox.publishedThrough(this.#committed);
      const lease = this.#lease;
      const nowMs = this.#ports.clock.monotonicMs();
      if ((through !== told || nowMs - toldMs >= TELL_AGAIN_MS) && lease?.isHeld() === true) {
        bus.publish(subject, encode({ epoch: lease.epoch, through } satisfies Published));
        told = through;
        toldMs = nowMs;
      }
      await sleep(TELL_PUBLISHED_MS);
    }
  }

  async #drain(): Promise<void> {
    while (!this.#stopping && this.#reader !== undefined) {
      while (this.#outbox.waiting > OUTBOX_MAX && !this.#stopping) await this.#ports.sleep(RETRY_MS);
      const isAlone = this.#state.applied < this.#aloneUpTo;
      const messages = isAlone ? await this.#reader.next(1) : await this.#nextMessages(this.#reader);
      if (messages?.length === 0) break;
      if (messages !== undefined) {
        const beganMs = this.#ports.clock.monotonicMs();
        await (isAlone ? this.#applyAlone(messages) : this.#apply(messages));
        this.#publish();
        await this.#giveWay(this.#reader.lag(), this.#ports.clock.monotonicMs() - beganMs);
      }
      if (messages === undefined || isAlone || this.#isCommitDue(this.#reader.lag())) await this.#commit();
      for (const tell of this.#applied) tell();
    }
    if (this.#group.entries > 0) await this.#commit();
    await this.#committing;
  }

  /** The messages that follow; undefined once what is folded may be committed, if none have come until then. */
  async #nextMessages(reader: LogReader): Promise<readonly LogMessage[] | undefined> {
    const room = this.#options.batchEntries - this.#group.entries;
    this.#reading ??= reader.next(Math.min(room, READ_MESSAGES));
    if (this.#group.entries > 0)
      this.#due ??= this.#committing.then(async () => {
        const leftMs = this.#commitFromMs() - this.#ports.clock.monotonicMs();
        if (leftMs > 0) await Promise.race([this.#ports.sleep(leftMs), this.#hurry.promise]);
        return undefined;
      });
    const messages = await (this.#due === undefined
      ? this.#reading
      : Promise.race([this.#reading, this.#due]));
    // Both may have come at the same moment: what was not taken is what the next call gets.
    if (messages !== undefined) this.#reading = undefined;
    return messages;
  }

  /** A standby that has much to catch up on leaves half of the processor to those who answer. */
  async #giveWay(lag: number, busyMs: number): Promise<void> {
    if (this.#lease === undefined && lag > READ_MESSAGES) await this.#ports.sleep(busyMs);
  }

  /**
   * Commits cost by the context and by the page: while there is much to catch up on they are as large as they may be,
   * so that a user who comes again costs nothing; else they are as frequent as the disk takes them with ease.
   */
  #isCommitDue(lag: number): boolean {
    const { entries } = this.#group;
    if (entries === 0) return false;
    if (this.#isGroupFull()) return true;
    if (lag > READ_MESSAGES) this.#isCatchingUp = true;
    if (this.#isCommitting || lag > READ_MESSAGES) return false;
    return this.#ports.clock.monotonicMs() >= this.#commitFromMs();
  }

  /** Whether what is folded has to be committed before anything is folded on. */
  #isGroupFull(): boolean {
    const { entries, outcome } = this.#group;
    if (entries >= this.#options.batchEntries) return true;
    return outcome.touched.size >= COMMIT_CONTEXTS && this.#state.contexts.size > this.#options.residentUsers;
  }

  /** When what is folded by now may be committed, by the monotonic clock, ms. */
  #commitFromMs(): number {
    const { entries } = this.#group;
    if (this.#isHurried || (this.#isCatchingUp && this.#reader?.lag() === 0)) return this.#committedAtMs;
    const { factor, ms } = entries < LARGE_COMMIT.entries ? COMMIT_PAUSE : LARGE_COMMIT;
    return this.#committedAtMs + Math.min(ms, factor * this.#commitMsEach * entries);
  }

  /** Folds messages, a slice at a time: requests are answered in between. */
  async #apply(messages: readonly LogMessage[]): Promise<void> {
    for (let at = 0; at < messages.length; ) {
      if (at > 0) await this.#ports.pause();
      const slice = readSlice(this.#options.shard, messages, at);
      at = slice.end;
      try {
        await this.#fold(slice);
      } catch (thrown) {
        if (isOfTheWorld(thrown)) throw thrown;
        return this.#goBack(messages.at(-1)?.sequence ?? 0);
      }
      for (const tell of this.#applied) tell();
      if (at === messages.length || !this.#isGroupFull()) continue;
      this.#publish();
      await this.#commit();
    }
  }

  /** Folds one message, from what the store holds, again and again: each time without the entry that has thrown. */
  async #applyAlone(messages: readonly LogMessage[]): Promise<void> {
    const { shard } = this.#options;
    const { counted } = this.#group;
    let slice = readSlice(shard, messages, 0);
    for (;;) {
      try {
        return await this.#fold(slice);
      } catch (thrown) {
        const { folding } = this.#state;
        if (isOfTheWorld(thrown) || folding === undefined) throw thrown;
        await this.#goBackToStore(counted);
        const { sequence, place } = folding;
        const data = singleEntry(messages[0]!.data, place ?? 0);
        const letter = deadLetter(shard, { sequence, place, data }, thrown);
        const entries = slice.entries.filter((one) => one !== folding);
        slice = { ...slice, entries, deadLetters: [...slice.deadLetters, letter] };
      }
    }
  }

  async #fold(slice: Slice): Promise<void> {
    const { traces, entries } = slice;
    const { tracer } = this.#ports;
    if (tracer === undefined || traces.length === 0) return this.#foldSlice(slice);
    const facts = { "resonance.shard": this.#options.shard, "resonance.entries": entries.length };
    const trace = beginFold(tracer, traces, { ...facts, "resonance.role": this.#workRole() });
    try {
      await this.#foldSlice(slice);
      if (trace.traceparent !== undefined) this.#group.traces.push(trace.traceparent);
      trace.end();
    } catch (thrown) {
      trace.end(toWireError(thrown).code);
      throw thrown;
    }
  }

  async #foldSlice({ entries, deadLetters, through }: Slice): Promise<void> {
    const group = this.#group;
    this.#state.folding = undefined;
    await this.#fetchReleases(entries);
    const beganMs = this.#ports.clock.monotonicMs();
    const erased = group.outcome.erased.length;
    foldBatch(this.#state, entries, group.outcome);
    this.#state.lately.note(entries, beganMs);
    this.#measureFold(entries, beganMs);
    if (group.outcome.erased.length > erased) this.#erasedThrough = entries.at(-1)?.sequence ?? 0;
    if (this.#state.warmUps.length > 0) this.#warmer.folded(this.#ports.clock.monotonicMs() - beganMs);
    for (const letter of deadLetters) group.deadLetters.push(letter);
    group.entries += entries.length + deadLetters.length;
    this.#state.applied = Math.max(this.#state.applied, through);
  }

  #measureFold(entries: readonly PositionedEntry[], beganMs: number): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#appliedAtMs = last.loggedAtMs;
    const { clock, meter } = this.#ports;
    if (meter === undefined) return;
    const role = this.#workRole();
    meter.folds[role].observe((clock.monotonicMs() - beganMs) / 1_000);
    meter.entries[role].observe(entries.length);
  }

  #workRole(): WorkRole {
    return this.#lease?.isHeld() === true ? "owner" : "standby";
  }

  /** Hands over what follows from the entries folded last. */
  #publish(): void {
    const { key, applied, counters } = this.#state;
    const { outcome, deadLetters } = this.#group;
    counters.deadLetters += deadLetters.length;
    this.#tellSetAside(deadLetters);
    if (this.#lease !== undefined)
      for (const { map, kind } of outcome.transitions) this.#ports.meter?.transition(map, kind);
    const span = { number: this.#nextOutbox, after: this.#publishedUpTo, through: applied };
    this.#publishedUpTo = applied;
    const items = outboxItems(key, outcome, deadLetters, this.#ports.subjects, span);
    this.#nextOutbox += items.length;
    if (items.length > 0) this.#outbox.add(items);
    this.#withhold(outcome.leavers);
    outcome.leavers.length = 0;
    outcome.samples.length = 0;
    outcome.removals.length = 0;
    outcome.transitions.length = 0;
    outcome.prepared.length = 0;
    outcome.tallies.length = 0;
    deadLetters.length = 0;
  }

  /** From here on nothing is published of users who were erased that follows from entries before. */
  #withhold(leavers: readonly Leaver[]): void {
    const { hashUser, subjects } = this.#ports;
    if (leavers.length === 0 || hashUser === undefined) return;
    const isErased = erasedBy(leavers, hashUser);
    this.#outbox.change((item) => outputWithout(item, isErased, subjects, hashUser));
  }

  /**
   * Tells the owner whom those outputs are of that came into their streams after this copy had lost its lease, perhaps: it takes
   * out once more who was erased since.
   */
  async #tellLate(items: readonly OutboxItem[]): Promise<void> {
    const { bus, sleep, subjects } = this.#ports;
    const newest = new Map<string, number>();
    for (const item of items)
      for (const { user, sequence } of usersIn(item, subjects))
        newest.set(user, Math.max(newest.get(user) ?? 0, sequence));
    if (newest.size === 0) return;
    const late: LateOutputs = { late: [...newest].map(([user, sequence]) => ({ user, sequence })) };
    for (let tries = 0; tries < LATE_TRIES; tries++) {
      try {
        await ask(bus, subjects.shard(this.#options.shard, "redact"), late, LATE_PATIENCE_MS);
        return;
      } catch {
        await sleep(RETRY_MS); // Between two owners nobody answers.
      }
    }
  }

  /** One line for all of them: a flood of bad entries must not become one of lines. */
  #tellSetAside(letters: readonly DeadLetter[]): void {
    const [first] = letters;
    const { report, hideUser } = this.#ports;
    if (first === undefined || report === undefined) return;
    const { sequence, code } = first;
    const user = userIn(first.data);
    const whose = user === undefined || hideUser === undefined ? "" : ` of ${hideUser(user)}`;
    const more = letters.length > 1 ? ` and ${letters.length - 1} more` : "";
    report(
      `shard ${this.#options.shard}: entry ${sequence}${whose}${more} set aside (${code}): see \`resonance dead-letters\``,
      { event: "entry.set-aside", level: "warn", unit: `shard-${this.#options.shard}`, code },
    );
  }

  /** After a group that threw: all of it is read again, and up to this entry each one is folded alone. */
  async #goBack(aloneUpTo: number): Promise<void> {
    await this.#goBackToStore(this.#group.counted);
    this.#aloneUpTo = aloneUpTo;
    await this.#reader?.close();
    this.#reading = undefined;
    if (this.#stopping) return;
    const { log, subjects } = this.#ports;
    this.#reader = await log.read(subjects.shardLog(this.#options.shard), this.#state.applied + 1);
    if (this.#stopping) await this.#reader.close();
  }

  /** Nothing of the group that was being folded counts. */
  async #goBackToStore({ counters, withheld }: Counted): Promise<void> {
    await this.#committing;
    await this.#restore(this.#ports.store.meta() ?? this.#emptyMeta());
    await this.#outbox.takeBack(this.#nextOutbox);
    Object.assign(this.#state.counters, counters);
    this.#state.withheld.goBackTo(withheld);
    this.#group = newGroup(this.#state);
    this.#due = undefined;
  }

  /** Resolves once what is folded by now is committed, without the pause before it, or can't be: the disk is full. */
  async #settle(): Promise<void> {
    const { applied } = this.#state;
    while (this.#committed < applied && !this.#stopping && !this.#isDiskFull) {
      this.#isHurried = true;
      this.#hurry.resolve();
      await this.#ports.sleep(SETTLE_LOOK_MS);
    }
  }

  /** Writes down what was folded since the last commit, once that is done, and begins a new group. */
  async #commit(): Promise<void> {
    await this.#committing;
    const state = this.#state;
    const { outcome, entries, traces } = this.#group;
    const contexts = await this.#written(outcome);
    const span = this.#commitSpan(traces, contexts.length);
    const { ring, authenticated, erased } = outcome;
    const outbox = this.#outbox.toStore();
    const published = this.#outbox.takePublished();
    const meta = metaOf(state, this.#nextOutbox);
    const commit = { contexts, ring, authenticated, erased, outbox, published, meta };
    this.#isHurried = false;
    this.#hurry = Promise.withResolvers();
    const { applied, batch } = state;
    const beganMs = this.#ports.clock.monotonicMs();
    state.batch++;
    this.#group = newGroup(state);
    this.#due = undefined;
    this.#isCommitting = true;
    if (this.#reader?.lag() === 0) {
      this.#isCatchingUp = false;
      state.usersByHash.forget();
    }
    this.#committing = this.#commitPatiently(commit).then(() => {
      span?.end();
      this.#isCommitting = false;
      this.#committedAtMs = this.#ports.clock.monotonicMs();
      this.#ports.meter?.commits[this.#workRole()].observe((this.#committedAtMs - beganMs) / 1_000);
      this.#commitMsEach = (this.#committedAtMs - beganMs) / Math.max(1, entries);
      this.#committed = applied;
      if (this.#outbox.waiting > 0 && this.#publishedElsewhere > 0)
        this.#outbox.forget(this.#publishedElsewhere);
      state.recent.committed(batch);
      state.contexts.committed(batch);
      for (const [user, since] of state.newlyAuthenticated)
        if (since <= batch) state.newlyAuthenticated.delete(user);
      state.contexts.passivate(batch);
    });
    this.#committing.catch((thrown) => span?.end(toWireError(thrown).code)); // Awaited before the next commit, where a failure ends the host.
  }

  /** Of the trace of the first batch that it contains, linked to the others'. */
  #commitSpan([parent, ...links]: readonly string[], contexts: number): Span | undefined {
    if (parent === undefined) return undefined;
    const facts = { "resonance.shard": this.#options.shard, "resonance.contexts": contexts };
    return this.#ports.tracer?.start("shard commit", { parent, links: links.slice(0, LINKS_MAX), facts });
  }

  /** The contexts that a group has changed, as bytes: views of one memory. Nothing is folded meanwhile. */
  async #written({ touched }: Outcome): Promise<ShardCommit["contexts"]> {
    const writer = this.#writer.reset();
    const users: string[] = [];
    const ends: number[] = [];
    for (const context of touched) {
      if (users.length % SLICE_CONTEXTS === SLICE_CONTEXTS - 1) await this.#ports.pause();
      writeContext(context, writer);
      users.push(context.user);
      ends.push(writer.length);
    }
    const { buffer } = writer.finish();
    return users.map((user, i) => {
      const start = i === 0 ? 0 : ends[i - 1]!;
      return [user, new Uint8Array(buffer, start, ends[i]! - start)] as const;
    });
  }

  /** A full disk is waited out: nothing is lost by it, since the log keeps what is not folded yet. */
  async #commitPatiently(commit: ShardCommit): Promise<void> {
    while (true) {
      try {
        await this.#ports.store.commit(commit);
        this.#isDiskFull = false;
        return;
      } catch (thrown) {
        this.#isDiskFull = thrown instanceof EngineError && thrown.code === "DISK_FULL";
        if (!this.#isDiskFull || this.#stopping) throw thrown;
        await this.#ports.sleep(DISK_FULL_RETRY_MS);
      }
    }
  }

  /** Brings memory to what the store holds. */
  async #restore(meta: ShardMeta): Promise<void> {
    const { releases } = this.#ports;
    const state = this.#state;
    state.contexts.clear();
    state.recent.clear();
    state.newlyAuthenticated.clear();
    state.applied = meta.applied;
    this.#publishedUpTo = meta.applied;
    this.#nextOutbox = meta.nextOutbox;
    await restoreVersions(state, meta, releases);
  }

  #emptyMeta(): ShardMeta {
    return {
      applied: 0,
      schema: contextSchema(FEATURES),
      encoder: untrainedEncoder(FEATURES).version,
      encoderOrder: 0,
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
    for (const { entry } of entries) if (entry.kind !== "behaviour") await fetchFor(entry, fetched, source);
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
  if (schema === contextSchema(FEATURES)) return;
  const message = `the contexts of shard ${shard} were written by schema ${schema}, this build has ${contextSchema(FEATURES)}: remove its folder under shards/ in the data folder, and it is rebuilt from the log`;
  throw new EngineError({ code: "CONTEXTS_OUTDATED", message, retryable: false, detail: { schema, shard } });
}

/** Entries that are folded in one go. */
type Slice = Readonly<{
  entries: readonly PositionedEntry[];
  /** Messages that make no entries, and entries that have thrown. */
  deadLetters: readonly DeadLetter[];
  /** Of the messages, as far as they are recorded. */
  traces: readonly string[];
  /** The sequence of the last message. */
  through: number;
  /** Index of the message behind it. */
  end: number;
}>;

/** The entries of messages from an index on: all of a message, and of enough messages for a slice. */
function readSlice(shard: number, messages: readonly LogMessage[], from: number): Slice {
  const entries: PositionedEntry[] = [];
  const deadLetters: DeadLetter[] = [];
  const traces: string[] = [];
  let end = from;
  while (end < messages.length && entries.length < SLICE_ENTRIES) {
    const message = messages[end++]!;
    const { sequence, storedAtMs: loggedAtMs, traceparent } = message;
    if (traceparent !== undefined) traces.push(traceparent);
    try {
      const decoded = decodeEntries(message.data);
      if (decoded.length === 1) entries.push({ sequence, loggedAtMs, entry: decoded[0]! });
      else
        for (let place = 0; place < decoded.length; place++)
          entries.push({ sequence, place, loggedAtMs, entry: decoded[place]! });
    } catch (thrown) {
      deadLetters.push(deadLetter(shard, message, thrown));
    }
  }
  return { entries, deadLetters, traces, through: messages[end - 1]?.sequence ?? 0, end };
}

/** The user of an entry that can be read. */
function userIn(data: Uint8Array): string | undefined {
  try {
    const [entry] = decodeEntries(data);
    return entry?.kind === "behaviour" ? entry.user : undefined;
  } catch {
    return undefined; // It was set aside for that.
  }
}

function deadLetter(
  shard: number,
  { sequence, place, data }: Readonly<{ sequence: number; place?: number | undefined; data: Uint8Array }>,
  thrown: unknown,
): DeadLetter {
  const { code, message: reason } = toWireError(thrown);
  const stack = thrown instanceof Error ? sha256Hex(ownFrames(thrown)).slice(0, 16) : "";
  const at = place === undefined ? { sequence } : { sequence, place };
  return { shard, ...at, code, reason, stack, data: new Uint8Array(data) };
}

/** The frames of the fold: those behind an `await` depend on what was waited for before, not on the fault. */
function ownFrames(error: Error): string {
  return framesOf(error)
    .replaceAll(/^ +at (?:async |process\.).*$/gm, "")
    .trimEnd();
}

/** Whether something else failed than the fold of an entry: then the batch is tried again, not set aside. */
function isOfTheWorld(thrown: unknown): boolean {
  return thrown instanceof EngineError && (thrown.retryable || NOT_THE_ENTRY.includes(thrown.code));
}
