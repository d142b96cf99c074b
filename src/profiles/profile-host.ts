import type { BlobStore } from "../actors/blob-store.ts";
import type { Bus, BusReply } from "../actors/bus.ts";
import type { ErasingCopy, ErasingView } from "../actors/erasing-copy.ts";
import type { Log, LogMessage, LogReader } from "../actors/log.ts";
import { raisePointer } from "../actors/raise-pointer.ts";
import { type RedactionTarget, Redactor } from "../actors/redactor.ts";
import type { Tracer } from "../actors/tracer.ts";
import type { Lease } from "../actors/unit-copy.ts";
import { encodeEntry } from "../events/log-codec.ts";
import type { Control } from "../events/log-entry.ts";
import { encodeProfileControl, type ProfileControl, type ShardKeys } from "../events/profile-control.ts";
import type { Subjects } from "../events/subjects.ts";
import { assertNever } from "../kernel/assert.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError, toWireError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { RandomBits } from "../privacy/random-bits.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import type { FittedCalibration } from "../resonance/published-profiles.ts";
import type { RollOutView } from "../resonance/roll-out-view.ts";
import { ledgerKey, type SegmentDefinitions } from "../resonance/segment-map.ts";
import { TALLIES } from "./all-tallies.ts";
import { describeCentroids } from "./describe-centroids.ts";
import { describeAllPrivacy } from "./describe-privacy.ts";
import { drawNoise } from "./draw-noise.ts";
import { measurePrivacy } from "./measure-privacy.ts";
import { BACKGROUND } from "./member-record.ts";
import { isPrivate } from "./private-releases.ts";
import type { ProfileFigures } from "./profile-figures.ts";
import type {
  EraseMembersReply,
  EraseMembersRequest,
  MemberReply,
  MemberRequest,
  PreviewReply,
  PrivacyReply,
  PrivacyRequest,
  ProfileStatus,
  PromoteReply,
  RollbackReply,
  TallyReply,
  TallyRequest,
} from "./profile-messages.ts";
import { ProfileState } from "./profile-state.ts";
import type { PendingPublication, ProfileStore } from "./profile-store.ts";
import { calibrationKey, encodeProfiles, readCalibration, type StoredCalibration } from "./profiles-codec.ts";
import { dimOf, profilesOf } from "./publish.ts";
import { readSampleMessage } from "./read-sample-message.ts";
import { membersIn, redactSamples } from "./redact-samples.ts";
import type { TallyKind } from "./tally.ts";
import type { WindowLedger } from "./window-ledger.ts";
import { membersOf } from "./window-sum.ts";

/** What the profile host needs of the world. */
export type ProfilePorts = Readonly<{
  log: Log;
  bus: Bus;
  /** Records traces; left out where none are wanted. */
  tracer?: Tracer;
  /** Where publications go, and where definitions and calibrations are. */
  releases: BlobStore;
  store: ProfileStore;
  clock: Clock;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  /** Lets other work of the thread have its turn. */
  pause?(): Promise<void>;
  /**
   * Takes what is left of erased members out of the store's file and the snapshots, as of a message.
   *
   * @returns Blobs of snapshots that were replaced.
   */
  scrubbed?(through: number): Promise<number>;
  /** What finds an erased member whose id the samples' stream holds no more. */
  hashUser?: HashUser;
  subjects: Subjects;
  /** Where the noise of private maps comes from. */
  bits: RandomBits;
}>;

export type ProfileHostOptions = Readonly<{
  /** Number of shards, each of which is told of a publication. */
  shards: number;
  /** Shortest time between two publications, ms. */
  publishEveryMs: number;
  /** Sums over all shards that are kept; all kinds of this build if left out. */
  tallies?: readonly TallyKind[];
}>;

const BATCH_MESSAGES = 200;
/** After a batch that left nothing waiting: so many times as long as it took, at most so many ms. */
const REST_FACTOR = 10;
const REST_MS_MAX = 200;
/** Stored members looked through for what expired, with each batch: a millisecond of work. */
const SWEEP_MEMBERS = 100;
const MSGPACK = "application/msgpack";
const OWNERS = "owners";
/** Ends the key that names the newest version. */
const CURRENT = ".current";
/** How often the owner looks whether a publication is due. */
const TICK_MS = 100;
/**
 * Sums over shards are published so many times less often than profiles: every release is kept as long as a log names it, and
 * what an hour's clicks say hardly changes within seconds.
 */
const TALLIES_FACTOR = 5;
/** Pause before what failed is tried again. */
const RETRY_MS = 200;
/** Retries of a commit that found the disk full; what is in memory goes on answering meanwhile. */
const DISK_FULL_RETRY_MS = 1_000;

/**
 * Starts a copy of the profile actor. It folds its log into exact sums, one message after the other: samples, and the
 * controls that change definitions, prepare an encoder, or ask for a publication. What is published follows from the
 * place in the log alone, so every copy makes the same bytes; the one with the lease decides when, and carries it out.
 */
export async function startProfileHost(
  ports: ProfilePorts,
  options: ProfileHostOptions,
): Promise<ProfileCopy> {
  const host = new Host(ports, options);
  try {
    await host.open();
  } catch (thrown) {
    await host.stop();
    throw thrown;
  }
  host.run();
  return host;
}

/** A copy of the profile actor. */
export type ProfileCopy = ErasingCopy & Readonly<{ figures(): ProfileFigures }>;

/** Somebody to be taken out of the samples that a shard had sent as of an entry of its log. */
type MemberTarget = RedactionTarget & Readonly<{ shard: number; sequence: number }>;

class Host implements ProfileCopy {
  readonly #ports: ProfilePorts;
  readonly #options: ProfileHostOptions;
  readonly #state: ProfileState;
  done: Promise<void> = Promise.resolve();
  /** The fold, which may go on for a while after something else has failed. */
  #draining: Promise<void> = Promise.resolve();
  #reader: LogReader | undefined;
  #calibrations: readonly FittedCalibration[] = [];
  /** Key under which they are stored. */
  #calibratedBy = "";
  #lease: Lease | undefined;
  /** While draining, nothing new is published: the next owner decides. */
  #isDraining = false;
  #publishedMs = Number.NEGATIVE_INFINITY;
  #isAsked = false;
  #talliesPublishedMs = Number.NEGATIVE_INFINITY;
  #areTalliesAsked = false;
  /** Grows whenever ownership begins or ends: the loops of an earlier one end. */
  #turn = 0;
  #stopping = false;
  #isDiskFull = false;
  /** The time that was put into the log last, and may not be folded yet. */
  #toldMs = 0;
  /** What is done about closed buckets at the moment, and whether anything is. */
  #noising: Promise<void> = Promise.resolve();
  #isNoising = false;
  #closeServed: () => Promise<void> = async () => {};
  #carrying: Promise<void> = Promise.resolve();
  /** Publications carried out by this copy, whose messages are not folded yet. */
  readonly #carriedOut = new Set<string>();
  #wakeCarrier: () => void = () => {};
  /** The last message of which everything that follows is known. */
  #foldedThrough = 0;
  /** Called after each batch. */
  readonly #folded = new Set<() => void>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #redactor: Redactor<MemberTarget>;
  readonly erasing: ErasingView = {
    erasedThrough: () => this.#state.erasedThrough,
    isSettled: (sequence) => (this.#ports.store.meta()?.applied ?? 0) >= sequence,
  };

  constructor(ports: ProfilePorts, options: ProfileHostOptions) {
    this.#failed.promise.catch(() => {}); // `done` tells of it.
    this.#ports = ports;
    this.#options = options;
    this.#state = new ProfileState(ports.store, options.tallies ?? TALLIES, ports.hashUser);
    const { pause = () => ports.sleep(0) } = ports;
    this.#redactor = new Redactor({ ...ports, pause }, ports.subjects.samples, {
      redact: ({ data }, targets, found) => this.#withoutErased(data, targets, found),
      idsOf: membersIn,
    });
  }

  async open(): Promise<void> {
    const { log, subjects } = this.#ports;
    const { definitions } = this.#state;
    // Without them it would pass over what its peers take in, and release other profiles under the same versions.
    if (definitions > 0 && !(await this.#useDefinitions(definitions))) throw definitionsMissing(definitions);
    const next = this.#ports.store.meta()?.next;
    if (next !== undefined) {
      const prepared = await this.#json<SegmentDefinitions>(`segments.${next.version}`);
      if (prepared === undefined) throw definitionsMissing(next.version);
      this.#state.restoreNext(prepared, next);
      await this.#switchSegmentsIfPrepared(); // Its commit may have come, and what follows from it not.
    }
    this.#foldedThrough = this.#state.applied;
    this.#reader = await log.read(subjects.samples, this.#state.applied + 1);
  }

  run(): void {
    this.#draining = this.#drainLog();
    this.done = Promise.race([this.#draining, this.#failed.promise]);
    this.done.catch(() => {}); // Whoever started the copy awaits it too.
  }

  async own(lease: Lease): Promise<void> {
    const served = this.#lease !== undefined;
    this.#lease = lease;
    this.#isDraining = false;
    this.#wakeCarrier();
    if (served) return;
    const turn = ++this.#turn;
    this.#carrying = this.#carryOutForEver(turn);
    void this.#publishNowAndThen(turn);
    await this.#serve();
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    const isUnderWay = () => this.#isAsked || this.#areTalliesAsked || this.#nextRelease() !== undefined;
    while (this.#mayPublish() && isUnderWay()) await this.#nextFold();
  }

  async rest(): Promise<void> {
    this.#tellWaiting(); // Without the lease nothing carries out what a request may wait for.
    await this.#closeServed();
    this.#closeServed = async () => {};
    this.#lease = undefined;
    this.#turn++;
    this.#wakeCarrier();
    this.#tellWaiting();
    await this.#carrying;
    await this.#noising;
  }

  async lag(): Promise<number> {
    const { last } = await this.#ports.log.bounds(this.#ports.subjects.samples);
    return Math.max(0, last - this.#state.applied);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#reader?.close();
    await this.#draining.catch(() => {}); // Whoever awaits `done` is told.
    this.#tellWaiting();
    await this.rest();
    await this.#ports.store.close();
  }

  async #drainLog(): Promise<void> {
    while (!this.#stopping && this.#reader !== undefined) {
      const messages = await this.#reader.next(BATCH_MESSAGES);
      if (messages.length === 0) return;
      const beganMs = this.#ports.clock.monotonicMs();
      await this.#apply(messages);
      const restMs = Math.min(REST_MS_MAX, REST_FACTOR * (this.#ports.clock.monotonicMs() - beganMs));
      this.#tellWaiting();
      this.#wakeCarrier();
      // A commit costs by the page: what comes meanwhile shares the next one's.
      if (restMs > 0 && messages.length < BATCH_MESSAGES && !this.#stopping) await this.#ports.sleep(restMs);
    }
  }

  async #apply(messages: readonly LogMessage[]): Promise<void> {
    const state = this.#state;
    for (const { sequence, data } of messages) {
      if (sequence <= state.applied) continue; // Delivered again: the state contains it.
      const message = readSampleMessage(data);
      if (message === undefined) state.skip(sequence);
      else if ("control" in message) await this.#applyControl(message, sequence);
      else {
        state.apply(sequence, message);
        state.closeBuckets(this.#knownShards());
        if ((message.prepared?.length ?? 0) > 0) {
          await this.#switchOverIfPrepared();
          await this.#switchSegmentsIfPrepared();
        }
      }
      this.#foldedThrough = sequence;
    }
    state.sweep(SWEEP_MEMBERS);
    await this.#commit();
    state.passivate();
    if (this.#reader?.lag() === 0) state.usersByHash.forget();
  }

  /** A full disk is waited out: nothing is lost by it, since the log keeps what is not folded yet. */
  async #commit(): Promise<void> {
    const commit = this.#state.takeCommit();
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

  async #applyControl(message: ProfileControl, sequence: number): Promise<void> {
    const state = this.#state;
    switch (message.control) {
      case "definitions":
        if (message.version > state.definitions) {
          await this.#commit(); // The sums are made anew from what the store holds.
          // Should they be lost, the copy goes on as it was, and tells.
          if (!(await this.#useDefinitions(message.version))) state.dropped++;
        }
        break;
      case "prepare":
        await this.#commit(); // The candidate begins with what the store holds of it.
        state.prepare(message.encoder, message.shards, message.hold);
        break;
      case "promote":
        if (message.encoder === state.candidate) {
          state.isHeld = false;
          state.pass(sequence); // The switch is at this place.
          await this.#switchOverIfPrepared();
        }
        break;
      case "discard":
        if (state.discard(message.encoder)) {
          const { encoder } = message;
          const entry = encodeEntry({ kind: "encoder-discarded", encoder, order: sequence });
          state.release({ blobs: [], entry, id: `discard:${message.encoder}:${sequence}` });
        }
        break;
      case "rollback":
        if (state.rollBack(message.from)) {
          state.pass(sequence);
          await this.#activateEncoder("rollback");
        }
        break;
      case "definitions-prepared":
        if (message.version > state.definitions) {
          await this.#commit(); // As for those that are put in force at once.
          const next = await this.#json<SegmentDefinitions>(`segments.${message.version}`);
          if (next === undefined) state.dropped++;
          else state.prepareDefinitions(next, message.shards);
        }
        break;
      case "calibrate":
        state.calibrate(message.encoder, message.calibration);
        break;
      case "publish":
        if (state.isDirty) await this.#publishMaps(sequence);
        this.#isAsked = false;
        break;
      case "publish-tallies":
        for (const release of state.tallies.publish(sequence)) state.release(release);
        this.#talliesPublishedMs = this.#ports.clock.monotonicMs();
        this.#areTalliesAsked = false;
        break;
      case "clock":
        state.tellTime(message.atMs);
        break;
      case "noised":
        state.takeNoised(message);
        state.pass(sequence);
        await this.#switchOverIfPrepared(); // They may have waited for it.
        await this.#switchSegmentsIfPrepared();
        break;
      case "published":
        state.released(message.id);
        this.#carriedOut.delete(message.id);
        break;
      default:
        assertNever(message);
    }
    state.pass(sequence);
    state.closeBuckets(this.#knownShards()); // Of what is in force or prepared by it.
  }

  /** @returns False, and nothing changes, if there are none of this version. */
  async #useDefinitions(version: number): Promise<boolean> {
    const definitions = await this.#json<SegmentDefinitions>(`segments.${version}`);
    if (definitions !== undefined) this.#state.useMaps(definitions.maps, version, definitions.keys);
    return definitions !== undefined;
  }

  /** Makes a release of every map under the encoder in force. */
  async #publishMaps(sequence: number): Promise<void> {
    const state = this.#state;
    const { encoder } = state;
    const ledger = state.ledger(encoder);
    state.isDirty = false;
    this.#publishedMs = this.#ports.clock.monotonicMs();
    if (ledger === undefined || dimOf(ledger) === 0) return;
    await this.#calibrateFor(encoder, state.calibration);
    for (const map of state.maps) {
      const key = ledgerKey(state.inForce, map.name);
      if (isPrivate(map) && !state.privates.takeNews(encoder, key)) continue; // Nothing that anybody may know is new.
      const { version, blobs } = this.#nextProfiles(ledger, map);
      state.release({
        blobs,
        entry: encodeEntry({ kind: "profiles-activated", map: map.name, version, encoder }),
        id: `profiles:${map.name}:${version}:${sequence}`,
      });
    }
  }

  /** Once every shard has sampled its members under the candidate, and nobody holds it, puts it in force. */
  async #switchOverIfPrepared(): Promise<void> {
    const state = this.#state;
    if (state.isHeld || !state.isPrepared(this.#knownShards())) return;
    if (state.ledger(state.candidate) === undefined) return;
    if (state.awaitsNoise(state.candidate, state.inForce)) return; // Its private profiles are not there yet.
    state.promote();
    await this.#activateEncoder("encoder");
  }

  /** Releases the encoder in force with its profiles, in one entry a log. */
  async #activateEncoder(why: "encoder" | "rollback"): Promise<void> {
    const state = this.#state;
    const { encoder, applied: order } = state;
    await this.#calibrateFor(encoder, state.calibration);
    // Where nobody was sampled shards start from the prior.
    const { profiles, blobs } = this.#profilesOf(encoder);
    const entry: Control = { kind: "encoder-activated", encoder, profiles, order };
    state.isDirty = false;
    this.#publishedMs = this.#ports.clock.monotonicMs();
    state.release({ blobs, entry: encodeEntry(entry), id: `${why}:${encoder}:${order}` });
  }

  /** Once every shard has told of its members under the next definitions, releases these with their profiles. */
  async #switchSegmentsIfPrepared(): Promise<void> {
    const state = this.#state;
    const { definitions } = state.next ?? {};
    if (definitions === undefined || !state.isNextPrepared()) return;
    if (state.awaitsNoise(state.encoder, definitions)) return;
    const { version } = definitions;
    await this.#commit();
    state.promoteDefinitions();
    const { encoder, applied: order } = state;
    await this.#calibrateFor(encoder, state.calibration);
    const { profiles, blobs } = this.#profilesOf(encoder);
    const entry: Control = { kind: "segments-activated", version, profiles, encoder };
    state.isDirty = false;
    this.#publishedMs = this.#ports.clock.monotonicMs();
    const current = new TextEncoder().encode(JSON.stringify({ version }));
    state.release({
      blobs: [...blobs, [`segments${CURRENT}`, current]],
      entry: encodeEntry(entry),
      id: `segments:${version}:${order}`,
    });
  }

  /** The next profiles of every map in force, as a ledger stands; none while it is empty. */
  #profilesOf(encoder: string): { profiles: Record<string, number>; blobs: PendingPublication["blobs"] } {
    const state = this.#state;
    const ledger = state.ledger(encoder);
    const profiles: Record<string, number> = {};
    const blobs: PendingPublication["blobs"][number][] = [];
    if (ledger === undefined || dimOf(ledger) === 0) return { profiles, blobs };
    for (const map of state.maps) {
      const next = this.#nextProfiles(ledger, map);
      profiles[map.name] = next.version;
      blobs.push(...next.blobs);
    }
    return { profiles, blobs };
  }

  #nextProfiles(
    ledger: WindowLedger,
    map: ProfileState["maps"][number],
  ): { version: number; blobs: PendingPublication["blobs"] } {
    const version = (this.#state.versions.get(map.name) ?? 0) + 1;
    this.#state.versions.set(map.name, version);
    const given = {
      version,
      dim: dimOf(ledger),
      calibrations: this.#calibrations,
      fittedIn: this.#calibratedBy,
      key: ledgerKey(this.#state.inForce, map.name),
      privates: this.#state.privates,
    };
    const bytes = encodeProfiles(profilesOf(ledger, map, given));
    const current = new TextEncoder().encode(JSON.stringify({ version }));
    return {
      version,
      blobs: [
        [`profiles.${map.name}.${version}`, bytes],
        [`profiles.${map.name}${CURRENT}`, current],
      ],
    };
  }

  /** The shards of this node's generation: what a preparation is for that does not say. */
  #knownShards(): ShardKeys {
    return { from: this.#ports.subjects.outputKey(0), count: this.#options.shards };
  }

  #mayPublish(): boolean {
    return this.#lease?.isHeld() === true && !this.#stopping;
  }

  /** Asks for a publication, in the log, whenever something changed and the last one is long enough ago. */
  async #publishNowAndThen(turn: number): Promise<void> {
    const { clock, sleep } = this.#ports;
    while (!this.#stopping && this.#turn === turn) {
      await sleep(Math.min(this.#options.publishEveryMs, TICK_MS));
      if (this.#isDraining || !this.#mayPublish()) continue;
      if (!this.#isNoising) this.#noising = this.#noiseWhatIsOver();
      const { publishEveryMs } = this.#options;
      const isDue = clock.monotonicMs() - this.#publishedMs >= publishEveryMs;
      // The next round tries again.
      if (isDue && this.#state.isDirty && !this.#isAsked) await this.#askForPublication().catch(() => {});
      const areTalliesDue = clock.monotonicMs() - this.#talliesPublishedMs >= TALLIES_FACTOR * publishEveryMs;
      if (areTalliesDue && this.#state.tallies.isDirty && !this.#areTalliesAsked)
        await this.#askForTallies().catch(() => {});
    }
  }

  /**
   * Closes buckets of private maps whose time is over, by the log, draws their noise, and puts the noisy sums into the log: only
   * what is there is ever published. A bucket of which an owner before has drawn the noise has it from the log, so that is
   * read first.
   */
  async #noiseWhatIsOver(): Promise<void> {
    this.#isNoising = true;
    try {
      await this.#tellTime();
      if (this.#state.due().length === 0) return;
      await this.#catchUp();
      await this.#appendNoise();
      await this.#catchUp(); // What is drawn is not due any more.
    } catch {
      // The next round tries again: what is in the log by then is not drawn twice.
    } finally {
      this.#isNoising = false;
    }
  }

  /** Puts into the log that it is late enough for buckets of private maps to be closed. */
  async #tellTime(): Promise<void> {
    const { log, subjects, clock } = this.#ports;
    const atMs = this.#state.timeToTell(clock.nowMs());
    if (atMs === undefined || atMs === this.#toldMs) return;
    const data = encodeProfileControl({ control: "clock", atMs });
    await log.append(subjects.samples, [{ id: `clock:${atMs}`, data }]);
    this.#toldMs = atMs;
  }

  async #appendNoise(): Promise<void> {
    const { log, subjects, sleep, bits } = this.#ports;
    for (const { id, control } of drawNoise(this.#state.due(), bits)) {
      if (this.#isDraining || !this.#mayPublish()) return;
      await log.append(subjects.samples, [{ id, data: encodeProfileControl(control) }]);
      await sleep(0); // So much noise was drawn at once; others wait.
    }
  }

  async #askForTallies(): Promise<void> {
    this.#areTalliesAsked = true;
    try {
      await this.#ask({ control: "publish-tallies" });
    } catch (thrown) {
      this.#areTalliesAsked = false;
      throw thrown;
    }
  }

  async #ask(control: Extract<ProfileControl, { control: "publish" | "publish-tallies" }>): Promise<void> {
    const { log, subjects, clock } = this.#ports;
    const id = `${control.control}:${this.#lease?.epoch}:${this.#state.applied}:${clock.monotonicMs()}`;
    await log.append(subjects.samples, [{ id, data: encodeProfileControl(control) }]);
  }

  async #askForPublication(): Promise<void> {
    this.#isAsked = true;
    try {
      await this.#ask({ control: "publish" });
    } catch (thrown) {
      this.#isAsked = false;
      throw thrown;
    }
  }

  /** Carries releases out, one after the other, while the lease is held. */
  async #carryOutForEver(turn: number): Promise<void> {
    while (!this.#stopping && this.#turn === turn) {
      const release = this.#nextRelease();
      if (release === undefined) {
        await new Promise<void>((resolve) => {
          this.#wakeCarrier = resolve;
        });
        continue;
      }
      try {
        if (!this.#mayPublish()) throw notOwner();
        await this.#carryOutTraced(release);
        this.#carriedOut.add(release.id);
        this.#tellWaiting();
      } catch (thrown) {
        const mayPass = thrown instanceof EngineError && thrown.retryable;
        if (!mayPass) return this.#failed.reject(thrown);
        if (!this.#mayPublish()) this.#tellWaiting();
        await this.#ports.sleep(RETRY_MS); // A server that is away for a while comes back.
      }
    }
  }

  #nextRelease(): PendingPublication | undefined {
    return this.#state.pending.find(({ id }) => !this.#carriedOut.has(id));
  }

  async #carryOutTraced(pending: PendingPublication): Promise<void> {
    const [kind = ""] = pending.id.split(":");
    const facts = { "resonance.release": kind, "resonance.blobs": pending.blobs.length };
    const span = this.#ports.tracer?.start("profile publish", { kind: "producer", facts });
    try {
      await this.#carryOut(pending, span?.traceparent);
      span?.end();
    } catch (thrown) {
      span?.end(toWireError(thrown).code);
      throw thrown;
    }
  }

  async #carryOut(pending: PendingPublication, trace: string | undefined): Promise<void> {
    const { log, subjects } = this.#ports;
    const traced = trace === undefined ? {} : { traceparent: trace };
    for (const [key, bytes] of pending.blobs) await this.#write(key, bytes);
    const { id, entry } = pending;
    const shards =
      entry === undefined ? [] : Array.from({ length: this.#options.shards }, (_, shard) => shard);
    await Promise.all(
      shards.map((shard) =>
        log.append(subjects.shardLog(shard), [
          { id: `${id}:${shard}`, data: entry ?? new Uint8Array(), ...traced },
        ]),
      ),
    );
    const data = encodeProfileControl({ control: "published", id: pending.id });
    await log.append(subjects.samples, [{ id: `published:${pending.id}`, data }]);
  }

  async #write(key: string, bytes: Uint8Array): Promise<void> {
    const { releases } = this.#ports;
    if (!key.endsWith(CURRENT)) return releases.put(key, bytes);
    // An older release may be carried out again, and by two owners at once.
    const { version } = JSON.parse(new TextDecoder().decode(bytes)) as { version: number };
    await raisePointer(releases, key.slice(0, -CURRENT.length), version);
  }

  async #serve(): Promise<void> {
    const { bus, subjects } = this.#ports;
    const served = await Promise.all(
      Object.entries({
        status: async () => this.#status(),
        publish: () => this.#publishOnRequest(),
        promote: () => this.#promoteOnRequest(),
        discard: () => this.#discardOnRequest(),
        rollback: () => this.#rollBackOnRequest(),
        preview: () => this.#preview(),
        member: async (request: Uint8Array) => this.#memberOf((decode(request) as MemberRequest).user),
        erase: (request: Uint8Array) => this.#eraseOnRequest(decode(request) as EraseMembersRequest),
        tally: (request: Uint8Array) => this.#tallyNow(decode(request) as TallyRequest),
        privacy: (request: Uint8Array) => this.#reportPrivacy(decode(request) as PrivacyRequest),
        centroids: async () =>
          describeCentroids(
            this.#state.ledger(this.#state.encoder),
            this.#state.inForce,
            this.#state.privates,
          ),
      }).map(([name, answer]) =>
        bus.serve(
          subjects.profileActor(name),
          async ({ data }): Promise<BusReply> => {
            if (this.#lease?.isHeld() !== true) throw notOwner();
            return { data: encode(await answer(data)), contentType: MSGPACK };
          },
          { queue: OWNERS },
        ),
      ),
    );
    this.#closeServed = async () => void (await Promise.all(served.map((one) => one.close())));
  }

  /** Publishes what changed. @returns The versions in force, once they are carried out. */
  async #publishOnRequest(): Promise<{ versions: Record<string, number> }> {
    const ask = (): Promise<void> => this.#askForPublication();
    if (this.#state.isDirty && !this.#isAsked) await this.#patiently(ask, () => this.#mayPublish());
    const { tallies } = this.#state;
    if (tallies.isDirty && !this.#areTalliesAsked)
      await this.#patiently(
        () => this.#askForTallies(),
        () => this.#mayPublish(),
      );
    while (this.#isAsked || this.#areTalliesAsked || this.#nextRelease() !== undefined) {
      if (!this.#mayPublish()) throw notOwner();
      await Promise.race([this.#nextFold(), this.#failed.promise]);
    }
    return { versions: Object.fromEntries(this.#state.versions) };
  }

  /** What a member contributed, as of the last commit. */
  #memberOf(user: string): MemberReply {
    const { store } = this.#ports;
    const { encoder, candidate, previous } = store.meta() ?? { encoder: "", candidate: "" };
    const encoders = [encoder, candidate, previous?.encoder ?? ""].filter((one) => one !== "");
    const records = [...new Set(encoders)].flatMap((one) => {
      const record = store.member(one, user);
      return record === undefined ? [] : [{ encoder: one, record }];
    });
    return { records };
  }

  /** Lets the candidate serve as soon as it is prepared. @throws EngineError `NOTHING_TO_PROMOTE`. */
  async #promoteOnRequest(): Promise<PromoteReply> {
    await this.#catchUp();
    const { candidate } = this.#state;
    if (candidate === "") throw refusal("NOTHING_TO_PROMOTE", NO_CANDIDATE);
    await this.#controlOnRequest({ control: "promote", encoder: candidate });
    const { prepared, shards = this.#options.shards } = this.#state.candidateShards;
    return this.#state.encoder === candidate
      ? { encoder: candidate, inForce: true }
      : { encoder: candidate, inForce: false, prepared, shards };
  }

  /** What would be published of the candidate, as its ledger stands. @throws EngineError `NOTHING_TO_PROMOTE`. */
  async #preview(): Promise<PreviewReply> {
    await this.#catchUp();
    const { candidate } = this.#state;
    const stored = await this.#json<StoredCalibration<FittedCalibration>[]>(
      calibrationKey(candidate || "none", ""),
    );
    const ledger = this.#state.ledger(candidate); // Behind what was waited for, it may be another's.
    if (candidate === "" || ledger === undefined) throw refusal("NOTHING_TO_PROMOTE", NO_CANDIDATE);
    const calibrations = (stored ?? []).map(readCalibration);
    const { inForce, maps } = this.#state;
    const { prepared, shards = this.#options.shards } = this.#state.candidateShards;
    const profiles = maps.map((map) => {
      const key = ledgerKey(inForce, map.name);
      const given = { version: 1, dim: dimOf(ledger), calibrations, key, privates: this.#state.privates };
      return encodeProfiles(profilesOf(ledger, map, given));
    });
    return { encoder: candidate, profiles, prepared, shards };
  }

  /** The sums of one kind as they stand, everything that was sent until now included. */
  async #tallyNow({ tally }: TallyRequest): Promise<TallyReply> {
    await this.#catchUp();
    const { tallies } = this.#state;
    const release = tallies.get(tally)?.release();
    return { version: tallies.versions.get(tally) ?? 0, ...(release === undefined ? {} : { release }) };
  }

  /** Takes erased members out of the stream, once their removal is folded. */
  async #eraseOnRequest({ shard, users, isCheck }: EraseMembersRequest): Promise<EraseMembersReply> {
    await this.#catchUp();
    const through = this.#foldedThrough;
    const asked = users.map(({ user, sequence }) => this.#redactor.erase({ user, through, shard, sequence }));
    const counts = await Promise.all(asked);
    if (isCheck === true) return { counts, snapshots: 0 };
    while (!this.erasing.isSettled(through)) {
      if (!this.#mayPublish()) throw notOwner();
      await this.#ports.sleep(TICK_MS / 5);
    }
    return { counts, snapshots: (await this.#ports.scrubbed?.(through)) ?? 0 };
  }

  #withoutErased(
    data: Uint8Array,
    targets: ReadonlyMap<string, MemberTarget>,
    found: (user: string, entries: number) => void,
  ): Uint8Array | undefined {
    const entries = new Map<string, number>();
    const isGone = (user: string, shard: number, sequence: number): boolean => {
      const target = targets.get(user);
      if (target === undefined || target.shard !== shard || sequence > target.sequence) return false;
      entries.set(user, (entries.get(user) ?? 0) + 1);
      return true;
    };
    const rest = redactSamples(data, isGone, this.#state.usersByHash.hashUser);
    for (const [user, count] of entries) found(user, count);
    return rest?.data;
  }

  /** What private maps promise and have spent, and how far noise has moved their profiles. */
  async #reportPrivacy({ map: asked, measured: isMeasured = true }: PrivacyRequest): Promise<PrivacyReply> {
    const state = this.#state;
    const { encoder, inForce, privates } = state;
    const reports: PrivacyReply[number][] = [];
    for (const view of describeAllPrivacy(state)) {
      const map = inForce.maps.find(({ name }) => name === view.map);
      if (map === undefined || !isPrivate(map) || (asked !== undefined && asked !== map.name)) continue;
      const { sigma } = privates.planOf(map);
      const series = privates.series(encoder, ledgerKey(inForce, map.name));
      const canMeasure = isMeasured && series?.newest !== undefined;
      const pause = () => this.#ports.sleep(0);
      const measured = canMeasure
        ? await measurePrivacy(map, series, state.memberPages(encoder), pause)
        : null;
      reports.push({ ...view, sigma, measured });
    }
    return reports;
  }

  /** Gives the candidate up. @throws EngineError `NOTHING_TO_PROMOTE`. */
  async #discardOnRequest(): Promise<{ encoder: string }> {
    await this.#catchUp();
    const { candidate } = this.#state;
    if (candidate === "") throw refusal("NOTHING_TO_PROMOTE", NO_CANDIDATE);
    await this.#controlOnRequest({ control: "discard", encoder: candidate });
    return { encoder: candidate };
  }

  /**
   * Puts the encoder before the one in force back. A request that comes again is answered as the first one was.
   *
   * @throws EngineError `NOTHING_TO_ROLL_BACK`.
   */
  async #rollBackOnRequest(): Promise<RollbackReply> {
    await this.#catchUp();
    const { encoder, previous, rolledBackFrom } = this.#state;
    if (previous === undefined && rolledBackFrom !== "")
      return { encoder, from: rolledBackFrom, repeated: true };
    if (previous === undefined) throw refusal("NOTHING_TO_ROLL_BACK", NO_PREVIOUS);
    await this.#controlOnRequest({ control: "rollback", from: encoder });
    if (this.#state.rolledBackFrom !== encoder) throw refusal("NOTHING_TO_ROLL_BACK", NO_PREVIOUS);
    return { encoder: this.#state.encoder, from: encoder, repeated: false };
  }

  /** Puts a control into the log, and waits until what follows from it is carried out. */
  async #controlOnRequest(control: ProfileControl): Promise<void> {
    const { log, subjects, clock } = this.#ports;
    const id = `${control.control}:${this.#lease?.epoch}:${this.#state.applied}:${clock.monotonicMs()}`;
    const data = encodeProfileControl(control);
    const append = () => log.append(subjects.samples, [{ id, data }]);
    const [sequence = 0] = await this.#patiently(append, () => this.#mayPublish());
    await this.#foldsThrough(sequence, () => this.#nextRelease() === undefined);
  }

  /** Resolves once everything is folded that was in the log when it was called: what a request is about may be the last of it. */
  async #catchUp(): Promise<void> {
    const { log, subjects } = this.#ports;
    const last = await this.#patiently(
      () => log.last(subjects.samples),
      () => this.#mayPublish(),
    );
    await this.#foldsThrough(last);
  }

  async #foldsThrough(sequence: number, isDone: () => boolean = () => true): Promise<void> {
    while (this.#foldedThrough < sequence || !isDone()) {
      if (!this.#mayPublish()) throw notOwner();
      await Promise.race([this.#nextFold(), this.#failed.promise]);
    }
  }

  #tellWaiting(): void {
    for (const tell of this.#folded) tell();
  }

  /** Resolves after the next batch, release, end, or loss of the lease that is noticed. */
  async #nextFold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#folded.add(resolve);
    await promise;
    this.#folded.delete(resolve);
  }

  async #calibrateFor(encoder: string, calibration: string): Promise<void> {
    // Before the first encoder nothing is calibrated, and no name is stored for it.
    const key = encoder === "" ? "" : calibrationKey(encoder, calibration);
    if (this.#calibratedBy === key) return;
    const stored = key === "" ? [] : await this.#json<StoredCalibration<FittedCalibration>[]>(key);
    this.#calibrations = (stored ?? []).map(readCalibration);
    this.#calibratedBy = key;
  }

  async #json<T>(key: string): Promise<T | undefined> {
    const bytes = await this.#patiently(() => this.#ports.releases.get(key));
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
  }

  /** Tries until it succeeds or is of no use any more: what the log names is there, only perhaps out of reach. */
  async #patiently<T>(act: () => Promise<T>, isOfUse = () => !this.#stopping): Promise<T> {
    while (true) {
      try {
        return await act();
      } catch (thrown) {
        const mayPass = thrown instanceof EngineError && thrown.retryable;
        if (!mayPass || !isOfUse()) throw thrown;
        await this.#ports.sleep(RETRY_MS);
      }
    }
  }

  /** What is being rolled out, and what can be taken back. */
  #rollOut(): RollOutView {
    const { candidate, candidateShards, isHeld, previous, next } = this.#state;
    const { prepared, shards = this.#options.shards } = candidateShards;
    return {
      ...(candidate === "" ? {} : { rollOut: { encoder: candidate, isHeld, prepared, shards } }),
      ...(previous === undefined ? {} : { previous }),
      ...(next === undefined
        ? {}
        : { next: { version: next.definitions.version, prepared: next.prepared, shards: next.shards } }),
    };
  }

  figures(): ProfileFigures {
    const { applied, lag, diskFull, repeats, dropped, members, privacy = [] } = this.#status();
    const shown = this.#state.maps.filter((map) => !isPrivate(map)).map(({ name }) => name);
    const counted = shown.map((map) => {
      const counts = Object.values(members[map] ?? {});
      const all = counts.reduce((sum, count) => sum + count, 0);
      return [
        map,
        { segments: counts.length, all, least: counts.length === 0 ? 0 : Math.min(...counts) },
      ] as const;
    });
    const heldOut = this.#calibrations.flatMap(({ map, quality }) =>
      quality === undefined ? [] : [[map, { logLoss: quality.logLoss, ece: quality.ece }] as const],
    );
    return {
      kind: "profiles",
      isOwner: this.#lease?.isHeld() === true,
      ...{ applied, lag, diskFull, repeats, dropped, privacy },
      members: Object.fromEntries(counted),
      heldOut: Object.fromEntries(heldOut),
    };
  }

  #status(): ProfileStatus {
    const state = this.#state;
    const ledger = state.ledger(state.encoder);
    const members: Record<string, Record<string, number>> = {};
    const nameOf = new Map(state.maps.map(({ name }) => [ledgerKey(state.inForce, name), name]));
    for (const map of state.maps) members[map.name] = {};
    for (const [key, sums] of ledger?.sums ?? []) {
      const [map = "", segment = BACKGROUND] = key.split(" ");
      const counts = members[nameOf.get(map) ?? ""];
      if (counts !== undefined && segment !== BACKGROUND) counts[segment] = membersOf(sums);
    }
    return {
      applied: state.applied,
      lag: this.#reader?.lag() ?? 0,
      members,
      encoder: state.encoder,
      calibration: state.calibration,
      candidate: state.candidate,
      ...this.#rollOut(),
      versions: Object.fromEntries(state.versions),
      watermarkMs: ledger?.watermarkMs ?? 0,
      repeats: state.repeats,
      dropped: state.dropped,
      diskFull: this.#isDiskFull,
      ...(state.maps.some(isPrivate) ? { privacy: describeAllPrivacy(state) } : {}),
    };
  }
}

const NO_CANDIDATE = "no encoder is being prepared: start one with `resonance train --hold`";
const NO_PREVIOUS =
  "there is no encoder to go back to: the last switch was more than one window ago, or there was none";

function refusal(code: string, message: string): EngineError {
  return new EngineError({ code, message, retryable: false });
}

function definitionsMissing(version: number): EngineError {
  const message = `segment definitions ${version}, which the profiles are made for, are not in the artefact store`;
  return new EngineError({ code: "RELEASE_MISSING", message, retryable: true, detail: { version } });
}

function notOwner(): EngineError {
  const message = "this node does not hold the lease of the profiles: ask again, their new owner will answer";
  return new EngineError({ code: "NOT_OWNER", message, retryable: true, detail: { unit: "profiles" } });
}
