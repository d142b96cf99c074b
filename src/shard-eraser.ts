import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log, LogMessage } from "./actors/log.ts";
import { readJson } from "./actors/read-json.ts";
import { type RedactionCount, type RedactionTarget, Redactor } from "./actors/redactor.ts";
import { Turns } from "./actors/turns.ts";
import type { Lease } from "./actors/unit-copy.ts";
import type { UnitMeter } from "./actors/unit-meter.ts";
import { decodeEntries, encodeEntry } from "./events/log-codec.ts";
import type { LogEntry } from "./events/log-entry.ts";
import { redactEntries, redactErasure } from "./events/redact-entries.ts";
import type { Subjects } from "./events/subjects.ts";
import { peerHashOf } from "./features/to-feature-event.ts";
import type { Clock } from "./kernel/clock.ts";
import { EngineError, toWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { Report } from "./kernel/report.ts";
import {
  type ErasureRecord,
  type ErasuresDone,
  erasureKey,
  mostRemoved,
  NOTHING_REMOVED,
  type PartlyRemoved,
} from "./privacy/erasure-record.ts";
import type { HashUser } from "./privacy/user-hash.ts";
import type { EraseMembersReply, EraseMembersRequest } from "./profiles/profile-messages.ts";
import type { PendingErasure } from "./shards/context-store.ts";
import type { ShardCopy } from "./shards/shard-host.ts";
import type { LateOutputs } from "./shards/shard-messages.ts";

/** What carrying erasures out takes. */
export type EraserWorld = Readonly<{
  log: Log;
  bus: Bus;
  /** Where the records are kept. */
  blobs: BlobStore;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  pause(): Promise<void>;
  subjects: Subjects;
  hashUser: HashUser;
  report: Report;
  /** Measures how long erasures take. */
  meter?: UnitMeter;
  /** Takes users out of the streams that nothing is folded from. @returns Messages, by stream. */
  purge(
    users: ReadonlySet<string>,
  ): Promise<Readonly<Record<"decisions" | "deadLetters" | "transitions", number>>>;
  /** Replaces the shard's snapshots from before a place. @returns Blobs that went. */
  renewSnapshots(through: number): Promise<number>;
  /** Resolves once the store's file holds nothing of whom it has forgotten up to a place. @returns False if it was stopped. */
  scrubbed(through: number): Promise<boolean>;
}>;

export type EraserOptions = Readonly<{ shard: number; shards: number }>;

/** Asks another shard to take users out of its log, where they are others' peers, on `internal.shard.<n>.redact`. */
type RedactRequest = Readonly<{ users: readonly string[] }>;

const LOOK_MS = 50;
const RETRY_MS = 500;
/** Erasures that are carried out together, at most. */
const BATCH_MAX = 1_000;
/** Patience with another unit: it reads its whole log, and may change its owner meanwhile. */
const ASK_PATIENCE_MS = 120_000;
/** An owner that is silent for so long may have lost its unit, and the question with it. */
const ASK_AGAIN_MS = 20_000;
/** A shard writes decisions down within a quarter of a second: so long after an erasure is folded the last ones are there. */
const DECISIONS_MS = 500;
/** More often than that nothing comes late. */
const READINGS_MAX = 5;
const OWNERS = "owners";

/**
 * Carries a shard's erasures out while its lease is held: all that are pending together, step by step. Every step may be
 * done again, so whoever owns the shard after a crash begins at the first one. An erasure ends with an entry of the log,
 * after its record is written; until then the log's entry tells whom it is of, and then it does no more.
 */
export class ShardEraser {
  readonly #world: EraserWorld;
  readonly #options: EraserOptions;
  readonly #view: ShardCopy["erasing"];
  readonly #redactor: Redactor<RedactionTarget>;
  readonly #stream: string;
  /** The records of the erasures that are being carried out. */
  readonly #records = new Map<string, { readonly turns: Turns; record: ErasureRecord | undefined }>();
  #lease: Lease | undefined;
  #turn = 0;
  /** Rejects when the lease ends: what waits for another unit's answer waits no more. */
  #ending = anEnding();
  #running: Promise<void> = Promise.resolve();
  #serving: { close(): Promise<void> } | undefined;

  constructor(world: EraserWorld, options: EraserOptions, view: ShardCopy["erasing"]) {
    this.#world = world;
    this.#options = options;
    this.#view = view;
    this.#stream = world.subjects.shardLog(options.shard);
    this.#redactor = new Redactor(world, this.#stream, { redact: withoutErased, idsOf: idsInLog });
  }

  async own(lease: Lease): Promise<void> {
    this.#endTurn();
    this.#ending = anEnding();
    this.#lease = lease;
    const turn = this.#turn;
    this.#running = this.#running.then(() => this.#run(turn));
    await this.#serve();
  }

  async rest(): Promise<void> {
    this.#endTurn();
    this.#lease = undefined;
    await this.#serving?.close();
    this.#serving = undefined;
  }

  async stop(): Promise<void> {
    await this.rest();
    await this.#running;
  }

  #endTurn(): void {
    this.#turn++;
    this.#ending.reject(notOwner(this.#options.shard));
  }

  async #serve(): Promise<void> {
    if (this.#serving !== undefined) return;
    const { bus, log, subjects } = this.#world;
    this.#serving = await bus.serve(
      subjects.shard(this.#options.shard, "redact"),
      async ({ data }) => {
        const request = decode(data) as RedactRequest | LateOutputs;
        if (this.#lease?.isHeld() !== true) throw notOwner(this.#options.shard);
        if ("late" in request) {
          await this.#removeLate(request);
          return { data: encode({}), contentType: "application/msgpack" };
        }
        const { users } = request;
        const through = await log.last(this.#stream);
        // Only as peers: whoever is a user of this shard is erased by this shard.
        const asked = users.map((user) => this.#redactor.erase({ user, through }));
        const counts = await Promise.all(asked);
        const entries = counts.reduce((sum, count) => sum + count.messages, 0);
        return { data: encode({ entries }), contentType: "application/msgpack" };
      },
      { queue: OWNERS },
    );
  }

  /** Takes out of the streams once more whoever was erased since the entries that late outputs follow from. */
  async #removeLate({ late }: LateOutputs): Promise<void> {
    const { hashUser, log, pause, purge, subjects } = this.#world;
    const from = Math.min(...late.map(({ sequence }) => sequence)) + 1;
    const { first, last } = await log.bounds(this.#stream);
    const erased = new Map<string, number>();
    for await (const messages of log.range(this.#stream, Math.max(first, from), last)) {
      for (const { data, sequence } of messages)
        for (const entry of entriesIn(data)) if (entry.kind === "erase") erased.set(entry.hash, sequence);
      await pause();
    }
    while (this.#view.applied() < last) {
      if (this.#lease?.isHeld() !== true) throw notOwner(this.#options.shard);
      await this.#world.sleep(LOOK_MS);
    }
    const gone = late.flatMap(({ user, sequence }) => {
      const erasedAt = erased.get(hashUser(user)) ?? 0;
      // An erasure of which the log tells no more has left no context.
      const isGone = erasedAt > sequence || (sequence < first && !this.#view.holds(user));
      return isGone ? [{ user, sequence: Math.max(erasedAt, sequence) }] : [];
    });
    if (gone.length === 0) return;
    const shard = subjects.outputKey(this.#options.shard);
    await this.#askForErasing({ shard, users: gone, isCheck: true });
    await purge(new Set(gone.map(({ user }) => user)));
  }

  async #run(turn: number): Promise<void> {
    const { report, sleep } = this.#world;
    while (this.#turn === turn) {
      if (this.#view.pending().length === 0 || !this.#isMine(turn)) {
        await sleep(LOOK_MS);
        continue;
      }
      try {
        await this.#round(turn);
      } catch (thrown) {
        if (this.#turn !== turn || thrown instanceof GivenUp) continue;
        const { code, message } = toWireError(thrown);
        report(`shard-${this.#options.shard}: erasures are tried again (${code}: ${message})`, {
          ...{ event: "erasure.retried", level: "warn", unit: `shard-${this.#options.shard}`, code },
        });
        await sleep(RETRY_MS);
      }
    }
  }

  #isMine(turn: number): boolean {
    return this.#turn === turn && this.#lease?.isHeld() === true;
  }

  /** What follows is only for the owner. */
  #refuseIfLost(turn: number): void {
    if (!this.#isMine(turn)) throw new GivenUp();
  }

  async #round(turn: number): Promise<void> {
    const { clock, meter, sleep } = this.#world;
    const beganMs = clock.monotonicMs();
    this.#records.clear(); // Another owner may have written meanwhile.
    const batch = this.#view.pending().slice(0, BATCH_MAX);
    const through = batch.at(-1)?.sequence ?? 0;
    while (!this.#view.isPublished(through)) {
      this.#refuseIfLost(turn);
      await this.#view.settle();
      await sleep(LOOK_MS);
    }
    // A slice samples so many members: without those who are erased it would be others when the log is folded again.
    while (this.#view.isWarmingUp()) {
      this.#refuseIfLost(turn);
      await sleep(LOOK_MS);
    }
    const users = await this.#usersOf(batch);
    const counted = batch.map((one) =>
      this.#write(one, "erasing", batch.length, { contexts: one.contexts, events: one.events }),
    );
    await Promise.all(counted);
    this.#refuseIfLost(turn);
    const decided = sleep(Math.max(0, beganMs + DECISIONS_MS - clock.monotonicMs()));
    await this.#remove(batch, users, through, decided);
    this.#refuseIfLost(turn);
    const verified = await this.#verify(batch, users, turn);
    await this.#forgetEntries(batch);
    await Promise.all(batch.map((one) => this.#write(one, "done", batch.length, {}, verified)));
    const ids = batch.map(({ id }) => id);
    const told: ErasuresDone = ids;
    this.#world.bus.publish(this.#world.subjects.erasures, encode(told));
    const data = encodeEntry({ kind: "erased", ids });
    const { log } = this.#world;
    const [sequence = 0] = await log.append(this.#stream, [{ id: `erased:${ids[0]}:${ids.length}`, data }]);
    while (this.#view.applied() < sequence) {
      this.#refuseIfLost(turn);
      await sleep(LOOK_MS / 5);
    }
    for (const { askedMs } of batch) meter?.erasures.observe(Math.max(0, clock.nowMs() - askedMs) / 1_000);
  }

  /** Whom erasures are of, by their ids; those are left out whose entries tell it no more, since all but the end is done. */
  async #usersOf(batch: readonly PendingErasure[]): Promise<ReadonlyMap<string, string>> {
    const users = new Map<string, string>();
    const unknown: number[] = [];
    for (const { id, sequence } of batch) {
      const user = this.#view.userOf(id);
      if (user === undefined) unknown.push(sequence);
      else users.set(id, user);
    }
    for (const { data } of await this.#world.log.messagesAt(this.#stream, unknown))
      for (const entry of decodeEntries(data))
        if (entry.kind === "erase" && entry.user !== undefined) users.set(entry.id, entry.user);
    return users;
  }

  /**
   * All that holds users but the entries of the erasures themselves. What a step has removed is written down when it ends: after a
   * hand-over, or a crash, the next owner finds nothing more of it.
   *
   * @param decided - When the decisions about the users are written down.
   */
  async #remove(
    batch: readonly PendingErasure[],
    users: ReadonlyMap<string, string>,
    through: number,
    decided: Promise<void>,
  ): Promise<void> {
    const { purge, renewSnapshots, scrubbed } = this.#world;
    const named = batch.filter(({ id }) => users.has(id));
    if (named.length === 0) return;
    const all = new Set(users.values());
    const note = (removed: (i: number) => PartlyRemoved): Promise<unknown> =>
      Promise.all(named.map((one, i) => this.#write(one, "erasing", batch.length, removed(i))));
    const logged = async (): Promise<unknown> => {
      const asked = named.map(({ id, sequence }) =>
        this.#redactor.erase({ user: users.get(id) ?? "", through: sequence }),
      );
      const counts = await Promise.all(asked);
      return note((i) => ({ entries: counts[i]!.entries, messages: { log: counts[i]!.messages } }));
    };
    const members = async (): Promise<unknown> => {
      const { counts, snapshots } = await this.#eraseMembers(named, users);
      return note((i) => ({
        samples: counts[i]!.entries,
        messages: { samples: counts[i]!.messages },
        snapshots,
      }));
    };
    const purged = async (): Promise<void> => {
      await decided;
      this.#note(named, { messages: await purge(all) });
    };
    const renewed = async (): Promise<void> => {
      this.#note(named, { shardSnapshots: await renewSnapshots(through) });
    };
    const steps = [logged(), members(), purged(), renewed(), scrubbed(through), this.#erasePeers([...all])];
    await Promise.allSettled(steps); // Nothing goes on behind a step that failed.
    await Promise.all(steps);
  }

  #eraseMembers(
    named: readonly PendingErasure[],
    users: ReadonlyMap<string, string>,
    isCheck = false,
  ): Promise<EraseMembersReply> {
    return this.#askForErasing({
      shard: this.#world.subjects.outputKey(this.#options.shard),
      users: named.map(({ id, sequence }) => ({ user: users.get(id) ?? "", sequence })),
      isCheck,
    });
  }

  #askForErasing(request: EraseMembersRequest): Promise<EraseMembersReply> {
    const { subjects } = this.#world;
    return this.#ask(subjects.profileActor("erase"), request) as Promise<EraseMembersReply>;
  }

  async #erasePeers(users: readonly string[]): Promise<void> {
    const { subjects } = this.#world;
    const { shard, shards } = this.#options;
    const others = Array.from({ length: shards }, (_, other) => other).filter((other) => other !== shard);
    const request: RedactRequest = { users };
    await Promise.all(others.map((other) => this.#ask(subjects.shard(other, "redact"), request)));
  }

  /** Asks another unit, again if its owner is silent for long: what it may be doing already is not done twice. */
  async #ask(subject: string, request: EraseMembersRequest | RedactRequest): Promise<unknown> {
    const { bus, clock } = this.#world;
    const deadlineMs = clock.monotonicMs() + ASK_PATIENCE_MS;
    const { promise: ending } = this.#ending;
    for (;;) {
      try {
        return await Promise.race([ask(bus, subject, request, ASK_AGAIN_MS), ending]);
      } catch (thrown) {
        const isSilence = thrown instanceof EngineError && thrown.code === "TIMEOUT";
        if (!isSilence || clock.monotonicMs() >= deadlineMs) throw thrown;
      }
    }
  }

  /**
   * Reads log and samples once more, and again as long as something is found, which goes with that: what a former owner had
   * under way may come at any time. @returns The ids of erasures of which nothing was found at last.
   */
  async #verify(
    batch: readonly PendingErasure[],
    users: ReadonlyMap<string, string>,
    turn: number,
  ): Promise<ReadonlySet<string>> {
    const named = batch.filter(({ id }) => users.has(id));
    let verified: ReadonlySet<string>;
    let readings = 0;
    do {
      verified = await this.#lookAgain(named, users);
      this.#refuseIfLost(turn);
    } while (verified.size < named.length && ++readings < READINGS_MAX);
    return verified;
  }

  async #lookAgain(
    named: readonly PendingErasure[],
    users: ReadonlyMap<string, string>,
  ): Promise<ReadonlySet<string>> {
    const [logged, members] = await Promise.all([
      Promise.all(
        named.map(({ id, sequence }) =>
          this.#redactor.erase({ user: users.get(id) ?? "", through: sequence }),
        ),
      ),
      named.length === 0 ? undefined : this.#eraseMembers(named, users, true),
    ]);
    const isNothing = (count: RedactionCount | undefined): boolean => (count?.messages ?? 0) === 0;
    return new Set(
      named.filter((_, i) => isNothing(logged[i]) && isNothing(members?.counts[i])).map(({ id }) => id),
    );
  }

  /** From here on nothing in the log tells whom the erasures were of. */
  async #forgetEntries(batch: readonly PendingErasure[]): Promise<void> {
    const messages = await this.#world.log.messagesAt(
      this.#stream,
      batch.map(({ sequence }) => sequence),
    );
    const redacted = messages.flatMap((message) => {
      const data = redactErasure(message.data);
      return data === undefined ? [] : [{ ...message, data }];
    });
    await this.#world.log.redact(this.#stream, redacted);
  }

  /** Writes an erasure's record, one change after the other; of counts the greatest that was ever written stays. */
  #write(
    { id, sequence, askedMs, reason }: PendingErasure,
    state: ErasureRecord["state"],
    together: number,
    removed: PartlyRemoved,
    verified?: ReadonlySet<string>,
  ): Promise<void> {
    const kept = this.#records.get(id) ?? { turns: new Turns(), record: undefined };
    this.#records.set(id, kept);
    return kept.turns.take(async () => {
      const { blobs, clock } = this.#world;
      const held = kept.record ?? (await readJson<ErasureRecord>(blobs, erasureKey(id)));
      if (held?.state === "done") return;
      const isDone = state === "done";
      kept.record = {
        erasure: id,
        state,
        reason,
        shard: this.#options.shard,
        sequence,
        askedMs,
        ...(isDone ? { doneMs: clock.nowMs() } : {}),
        removed: mostRemoved(held?.removed ?? NOTHING_REMOVED, removed),
        together: Math.max(together, held?.together ?? 1),
        // Of one whose entry tells nobody any more, an attempt before has verified it.
        ...(isDone ? { verified: verified?.has(id) === true || held?.verified === true } : {}),
      };
      await blobs.put(erasureKey(id), new TextEncoder().encode(JSON.stringify(kept.record)));
    });
  }

  /** Notes what all of some erasures have removed together, to be written with the end of each. */
  #note(batch: readonly PendingErasure[], removed: PartlyRemoved): void {
    for (const { id } of batch) {
      const kept = this.#records.get(id);
      if (kept?.record === undefined) continue;
      kept.record = { ...kept.record, removed: mostRemoved(kept.record.removed ?? NOTHING_REMOVED, removed) };
    }
  }
}

function anEnding(): PromiseWithResolvers<never> {
  const ending = Promise.withResolvers<never>();
  ending.promise.catch(() => {}); // There may be nobody who waits.
  return ending;
}

/** The lease is lost: another owner begins anew. */
class GivenUp extends Error {}

/** Of a message that can't be read, which was set aside when it was folded, nothing is left if it has the bytes of an id. */
function withoutErased(
  { data, sequence }: LogMessage,
  targets: ReadonlyMap<string, RedactionTarget>,
  found: (user: string, entries: number) => void,
): Uint8Array | undefined {
  const isGone = (user: string): boolean => sequence <= (targets.get(user)?.through ?? 0);
  try {
    const rest = redactEntries(data, { isGone, peerHash: peerHashOf });
    for (const user of new Set(rest?.users))
      found(user, rest?.users.filter((one) => one === user).length ?? 0);
    return rest?.data;
  } catch (thrown) {
    if (!(thrown instanceof EngineError && thrown.code === "LOG_ENTRY_UNREADABLE")) throw thrown;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    const named = [...targets.keys()].filter((user) => isGone(user) && bytes.includes(user));
    for (const user of named) found(user, 1);
    return named.length === 0 ? undefined : encodeEntry({ kind: "redacted" });
  }
}

/** What can be read of a message. */
function entriesIn(data: Uint8Array): readonly LogEntry[] {
  try {
    return decodeEntries(data);
  } catch {
    return []; // It was set aside when it was folded.
  }
}

/** Ids of all whom a message of a log names. */
function idsInLog(data: Uint8Array): Set<string> | undefined {
  const ids = new Set<string>();
  try {
    for (const entry of decodeEntries(data)) {
      if (entry.kind === "behaviour") {
        ids.add(entry.user);
        if (entry.peer !== undefined) ids.add(entry.peer);
      } else if (entry.kind === "erase" && entry.user !== undefined) ids.add(entry.user);
    }
  } catch (thrown) {
    if (!(thrown instanceof EngineError && thrown.code === "LOG_ENTRY_UNREADABLE")) throw thrown;
    return undefined;
  }
  return ids;
}

function notOwner(shard: number): EngineError {
  const message = `this node does not hold the lease of shard ${shard}: ask again, its new owner will answer`;
  return new EngineError({ code: "NOT_OWNER", message, retryable: true, detail: { shard } });
}
