import type { ProfileControl, ShardKeys } from "../events/profile-control.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { UsersByHash } from "../privacy/users-by-hash.ts";
import {
  ledgerKey,
  ledgerMaps,
  preparedKey,
  type SegmentDefinitions,
  type SegmentMap,
} from "../resonance/segment-map.ts";
import { decodeMemberRecord, encodeMemberRecord, type MemberRecord } from "./member-record.ts";
import {
  closingTime,
  type DueBucket,
  isPrivate,
  type PrivateMap,
  PrivateReleases,
} from "./private-releases.ts";
import type {
  PendingPublication,
  PreviousEncoder,
  ProfileCommit,
  ProfileMeta,
  ProfileStore,
} from "./profile-store.ts";
import { ERASED_USER, inOrder, isSample, type Removal, type Sample, type SampleBatch } from "./sample.ts";
import { Tallies } from "./tallies.ts";
import type { TallyKind } from "./tally.ts";
import { WindowLedger } from "./window-ledger.ts";
import { decodeSums, encodeSums } from "./window-sum.ts";

/** Members read at once when sums are made anew: a page of a few megabytes. */
const PAGE_MEMBERS = 1_000;

/** What the profile actor folds samples into. It belongs to one host. */
export class ProfileState {
  readonly #store: ProfileStore;
  readonly #writer = new ByteWriter();
  readonly #ledgers = new Map<string, WindowLedger>();
  /** Shard to the (sequence, index) of its last sample. */
  readonly #marks = new Map<string, readonly [number, number]>();
  #definitions: SegmentDefinitions = { version: 0, maps: [] };
  #next: { definitions: SegmentDefinitions; shards: ShardKeys; prepared: Set<number> } | undefined;
  /** Encoders whose ledgers the next commit drops. */
  readonly #dropped = new Set<string>();
  definitions = 0;
  applied = 0;
  encoder = "";
  /** Name of the calibrations in force; empty for those that came with the encoder. */
  calibration = "";
  candidate = "";
  #candidateShards: ShardKeys | undefined;
  readonly preparedShards = new Set<number>();
  /** Whether the candidate waits to be promoted. */
  isHeld = false;
  previous: PreviousEncoder | undefined;
  rolledBackFrom = "";
  readonly versions = new Map<string, number>();
  repeats = 0;
  dropped = 0;
  /** Whether a publication would differ from the last one. */
  isDirty = false;
  /** Publications that are not known to be carried out, oldest first. */
  pending: readonly PendingPublication[];
  #pendingChanged = false;
  /** Sums over all shards beside the ledgers. */
  readonly tallies: Tallies;
  /** What is released of private maps. */
  readonly privates: PrivateReleases;

  readonly usersByHash: UsersByHash;
  /** The newest message since the start that has taken an erased member out. */
  erasedThrough = 0;

  /**
   * Opens what the store holds.
   *
   * @param tallies - The kinds of sums that are kept beside the ledgers.
   * @param hashUser - Only a state whose samples may be redacted needs it.
   */
  constructor(store: ProfileStore, tallies: readonly TallyKind[] = [], hashUser?: HashUser) {
    this.#store = store;
    this.usersByHash = new UsersByHash({ held: () => this.#members() }, hashUser);
    const meta = store.meta();
    this.privates = new PrivateReleases(store, meta?.clockMs ?? 0);
    this.tallies = new Tallies(tallies, store, meta);
    this.pending = store.pending();
    if (meta === undefined) return;
    this.isDirty = meta.isDirty;
    this.applied = meta.applied;
    this.encoder = meta.encoder;
    this.calibration = meta.calibration ?? "";
    this.candidate = meta.candidate;
    this.definitions = meta.definitions;
    this.repeats = meta.repeats;
    this.dropped = meta.dropped;
    for (const [shard, mark] of Object.entries(meta.marks)) this.#marks.set(shard, mark);
    this.#candidateShards = meta.candidateShards;
    for (const shard of meta.preparedShards) this.preparedShards.add(shard);
    this.isHeld = meta.isHeld === true;
    this.previous = meta.previous;
    this.rolledBackFrom = meta.rolledBackFrom ?? "";
    for (const [map, version] of Object.entries(meta.versions)) this.versions.set(map, version);
    for (const encoder of [meta.encoder, meta.candidate, meta.previous?.encoder ?? ""]) {
      if (encoder !== "")
        this.#openLedger(encoder, meta.watermarksMs[encoder] ?? 0, meta.dims?.[encoder] ?? 0);
    }
  }

  /** The definitions in force. */
  get inForce(): SegmentDefinitions {
    return this.#definitions;
  }

  get maps(): readonly SegmentMap[] {
    return this.#definitions.maps;
  }

  /** The definitions whose profiles are being built, and how many of how many shards have told of their members. */
  get next(): Readonly<{ definitions: SegmentDefinitions; prepared: number; shards: number }> | undefined {
    if (this.#next === undefined) return undefined;
    const { definitions, prepared, shards } = this.#next;
    return { definitions, prepared: prepared.size, shards: shards.count };
  }

  /** Shards that have sampled their members under the candidate, of those that it waits for, if it says for which. */
  get candidateShards(): Readonly<{ prepared: number; shards: number | undefined }> {
    return { prepared: this.preparedShards.size, shards: this.#candidateShards?.count };
  }

  /**
   * Puts definitions in force. Sums that were made for others are made anew from what the members contributed, so
   * everything must be committed before.
   */
  useMaps(maps: readonly SegmentMap[], version: number, keys: SegmentDefinitions["keys"] = {}): void {
    const isNew = version !== this.definitions;
    if (isNew) {
      this.isDirty = true;
      this.privates.markAllNew();
    }
    this.#definitions = { version, maps, keys };
    this.definitions = version;
    if (isNew && (this.#next?.definitions.version ?? version) <= version) this.#next = undefined;
    for (const [encoder, ledger] of this.#ledgers) {
      if (isNew) ledger.rebuild(this.#ledgerMaps(), this.#storedMembers(encoder));
      else ledger.useMaps(this.#ledgerMaps());
    }
    if (isNew) this.#keepPrivateKeys();
  }

  /** Starts to build the profiles of definitions beside those in force. Everything must be committed before. */
  prepareDefinitions(definitions: SegmentDefinitions, shards: ShardKeys): void {
    const { version } = definitions;
    const isSame = version === this.#next?.definitions.version && shards.from === this.#next.shards.from;
    if (isSame || version < Math.max(this.definitions + 1, this.#next?.definitions.version ?? 0)) return;
    this.#next = { definitions, shards, prepared: new Set() };
    this.#changeMaps();
  }

  /** Puts back what a store's meta tells of definitions that are being prepared; those in force are there already. */
  restoreNext(definitions: SegmentDefinitions, stored: NonNullable<ProfileMeta["next"]>): void {
    this.#next = { definitions, shards: stored.shards, prepared: new Set(stored.prepared) };
    for (const ledger of this.#ledgers.values()) ledger.useMaps(this.#ledgerMaps());
  }

  /** Whether all shards have told of their members under the definitions that are being prepared. */
  isNextPrepared(): boolean {
    if (this.#next === undefined) return false;
    const { prepared, shards } = this.#next;
    return countOf(prepared, shards) === shards.count;
  }

  /** Puts the definitions that were prepared in force. Everything must be committed before. */
  promoteDefinitions(): void {
    if (this.#next === undefined) return;
    this.#definitions = this.#next.definitions;
    this.definitions = this.#definitions.version;
    this.#next = undefined;
    this.#changeMaps();
  }

  #changeMaps(): void {
    for (const [encoder, ledger] of this.#ledgers)
      ledger.changeMaps(this.#ledgerMaps(), this.#storedMembers(encoder));
    this.#keepPrivateKeys();
  }

  #keepPrivateKeys(): void {
    this.privates.keepKeys(new Set(this.#ledgerMaps().flatMap((map) => (isPrivate(map) ? [map.name] : []))));
  }

  /** The maps of the ledgers: those in force, and those that are built beside them. */
  #ledgerMaps(): readonly SegmentMap[] {
    const maps = ledgerMaps(this.#definitions);
    const keys = new Set(maps.map((map) => map.name));
    const beside = this.#next === undefined ? [] : ledgerMaps(this.#next.definitions);
    return [...maps, ...beside.filter((map) => !keys.has(map.name))];
  }

  ledger(encoder: string): WindowLedger | undefined {
    return this.#ledgers.get(encoder);
  }

  /**
   * Starts to take samples of a candidate. What was held of another candidate goes.
   *
   * @param shards - Those that it waits for.
   * @param isHeld - Whether it waits to be promoted, too.
   */
  prepare(encoder: string, shards?: ShardKeys, isHeld = false): void {
    if (encoder === this.encoder) return;
    this.isHeld = isHeld;
    if (shards !== undefined || encoder !== this.candidate) this.#candidateShards = shards;
    if (encoder === this.candidate) return;
    if (this.candidate !== "") this.#drop(this.candidate);
    this.candidate = encoder;
    this.preparedShards.clear();
    if (this.previous?.encoder === encoder)
      this.previous = undefined; // Its sums are the candidate's from here on.
    else this.#openLedger(encoder, this.#ledgers.get(this.encoder)?.watermarkMs ?? 0);
  }

  /** Gives a candidate up. @returns Whether it was one. */
  discard(encoder: string): boolean {
    if (encoder === "" || encoder !== this.candidate) return false;
    this.#drop(encoder);
    this.#noCandidate();
    return true;
  }

  /**
   * Whether all shards have sampled their members under the candidate.
   *
   * @param known - The shards that the node knows, in case the preparation did not say for which ones it is.
   */
  isPrepared(known: ShardKeys): boolean {
    if (this.candidate === "") return false;
    const shards = this.#candidateShards ?? known;
    return countOf(this.preparedShards, shards) === shards.count;
  }

  /** Puts calibrations of the encoder in force; those of another one are late. */
  calibrate(encoder: string, calibration: string): void {
    if (encoder !== this.encoder || calibration === this.calibration) return;
    this.calibration = calibration;
    this.isDirty = true;
    this.privates.markAllNew();
  }

  /** The candidate takes the place of the encoder in force, which can be put in force again for one window. */
  promote(): void {
    if (this.previous !== undefined) this.#drop(this.previous.encoder);
    const { encoder } = this;
    const watermarkMs = this.#ledgers.get(encoder)?.watermarkMs ?? 0;
    const untilMs = watermarkMs + this.#windowMs();
    this.previous = encoder === "" ? undefined : { encoder, calibration: this.calibration, untilMs };
    this.rolledBackFrom = "";
    this.encoder = this.candidate;
    this.calibration = "";
    this.#noCandidate();
  }

  /**
   * The encoder before this one takes its place again; what was held of this one goes.
   *
   * @returns False, and nothing changes, if `from` is not in force, or there is none before it.
   */
  rollBack(from: string): boolean {
    if (from !== this.encoder || this.previous === undefined) return false;
    this.#drop(from);
    this.encoder = this.previous.encoder;
    this.calibration = this.previous.calibration;
    this.previous = undefined;
    this.rolledBackFrom = from;
    return true;
  }

  #noCandidate(): void {
    this.candidate = "";
    this.isHeld = false;
    this.#candidateShards = undefined;
    this.preparedShards.clear();
  }

  /** The longest window of all maps, ms. */
  #windowMs(): number {
    return Math.max(0, ...this.maps.map(({ window }) => window.bucketMs * window.buckets));
  }

  /** After one window nothing is left of the profiles of an encoder that is not in force. */
  #expirePrevious(): void {
    if (this.previous === undefined) return;
    if ((this.#ledgers.get(this.encoder)?.watermarkMs ?? 0) < this.previous.untilMs) return;
    this.#drop(this.previous.encoder);
    this.previous = undefined;
  }

  /** Takes in a message of samples. What a shard sent before is recognised and passed over. */
  apply(sequence: number, batch: SampleBatch): void {
    if (sequence <= this.applied) return; // Delivered again: the ledgers contain it.
    this.applied = sequence;
    const shard = String(batch.shard);
    for (const one of inOrder(batch.samples, batch.removals ?? [])) {
      const mark = this.#marks.get(shard);
      if (mark !== undefined && !isNewer(one.sequence, one.index, mark)) {
        this.repeats++;
        continue;
      }
      this.#marks.set(shard, [one.sequence, one.index]);
      this.isDirty = true;
      if (!isSample(one)) this.#remove(one);
      else if (!this.#applySample(one)) this.dropped++;
    }
    const { repeats, unread } = this.tallies.apply(batch.shard, batch.tallies ?? []);
    this.repeats += repeats;
    this.dropped += unread;
    this.#expirePrevious();
    const next = this.#next;
    for (const prepared of batch.prepared ?? []) {
      if (prepared === this.candidate) this.preparedShards.add(batch.shard);
      if (next !== undefined && prepared === preparedKey(next.definitions.version))
        next.prepared.add(batch.shard);
    }
  }

  /** Passes over a message that can't be read; it counts as dropped. */
  skip(sequence: number): void {
    this.pass(sequence);
    this.dropped++;
  }

  /** Takes in a control message, whose effect the caller has seen to. */
  pass(sequence: number): void {
    this.applied = Math.max(this.applied, sequence);
  }

  /**
   * Closes the buckets of private maps whose time is over; after each message, so that every copy closes them at the same place
   * of the log. What is still being prepared is not released: its members are not all there yet.
   *
   * @param known - As {@link isPrepared} takes it.
   */
  closeBuckets(known: ShardKeys): void {
    const seen = new Set<string>();
    for (const definitions of [this.#definitions, this.#next?.definitions]) {
      for (const map of definitions?.maps ?? []) {
        if (definitions === undefined || !isPrivate(map)) continue;
        const key = ledgerKey(definitions, map.name);
        if (seen.has(key)) continue; // As it is in force, not as it will be.
        seen.add(key);
        const isReady = definitions === this.#definitions || this.isNextPrepared();
        this.#closeBucketsOf(
          map,
          key,
          (encoder) => isReady && (encoder === this.encoder || this.isPrepared(known)),
        );
      }
    }
  }

  /** Of the encoder in force first: the order is that of charges to the budget. */
  #closeBucketsOf(map: PrivateMap, key: string, isReady: (encoder: string) => boolean): void {
    const previous = this.previous?.encoder;
    for (const encoder of [this.encoder, this.candidate, previous ?? ""]) {
      const ledger = this.#ledgers.get(encoder);
      if (ledger === undefined) continue;
      if (encoder !== previous && isReady(encoder)) this.privates.close(ledger, map, key);
      else this.privates.pass(ledger, map, key);
    }
  }

  /** The log tells how late it is. */
  tellTime(atMs: number): void {
    this.privates.tellTime(atMs);
    for (const ledger of this.#ledgers.values()) ledger.moveWindows();
  }

  /** The time that the log is to tell, so that buckets are closed by the clock; undefined if it has. */
  timeToTell(nowMs: number): number | undefined {
    const all = [...this.maps, ...(this.#next?.definitions.maps ?? [])];
    const atMs = Math.max(0, ...all.map((map) => closingTime(map, nowMs)));
    return atMs > this.privates.clockMs ? atMs : undefined;
  }

  /** Closed buckets of private maps whose noise is to be drawn. */
  due(): DueBucket[] {
    return this.privates.due();
  }

  /** Whether the profiles of definitions under an encoder wait for noise. */
  awaitsNoise(encoder: string, definitions: SegmentDefinitions): boolean {
    return definitions.maps.some(({ name }) =>
      this.privates.awaitsNoise(encoder, ledgerKey(definitions, name)),
    );
  }

  /** Takes in noisy sums of a bucket. */
  takeNoised(control: Extract<ProfileControl, { control: "noised" }>): void {
    const map = this.#ledgerMaps().find(({ name }) => name === control.key);
    if (this.privates.takeNoised(control, map !== undefined && isPrivate(map) ? map : undefined))
      this.isDirty = true;
  }

  /** Puts a publication at the end of those to be carried out. */
  release(pending: PendingPublication): void {
    this.pending = [...this.pending, pending];
    this.#pendingChanged = true;
  }

  /** Forgets a publication that is carried out. */
  released(id: string): void {
    this.pending = this.pending.filter((pending) => pending.id !== id);
    this.#pendingChanged = true;
  }

  /** What changed since the last call, as one transaction. */
  takeCommit(): ProfileCommit {
    const members: [string, string, Uint8Array | undefined][] = [];
    const sums = [...this.tallies.takeChanges(), ...this.privates.takeChanges()];
    for (const [encoder, ledger] of this.#ledgers) {
      const changes = ledger.takeChanges();
      for (const user of changes.members) {
        const record = ledger.recordOf(user);
        const bytes = record === undefined ? undefined : encodeMemberRecord(record, this.#writer);
        members.push([encoder, user, bytes]);
      }
      for (const key of changes.sums) {
        const held = ledger.sums.get(key);
        sums.push([encoder, key, held === undefined ? undefined : encodeSums(held, this.#writer)]);
      }
    }
    const dropEncoders = [...this.#dropped];
    this.#dropped.clear();
    const pending = this.#pendingChanged ? { pending: this.pending } : {};
    this.#pendingChanged = false;
    return { members, sums, meta: this.#meta(), dropEncoders, ...pending };
  }

  /** Drops what expired of some more stored members, at most so many an encoder. All must be committed but this batch. */
  sweep(membersMax: number): void {
    for (const [encoder, ledger] of this.#ledgers) {
      if (this.#isGone(encoder)) continue;
      ledger.sweep((user) =>
        this.#store
          .membersAfter(encoder, user, membersMax)
          .map(([member, bytes]) => [member, decodeMemberRecord(bytes)] as const),
      );
    }
  }

  /** Frees members that the store holds by now. */
  passivate(): void {
    for (const ledger of this.#ledgers.values()) ledger.passivate();
  }

  #meta(): ProfileMeta {
    const tallies = this.tallies.meta();
    const dims = Object.fromEntries(
      [...this.#ledgers.keys()].sort().flatMap((encoder) => {
        const dim = this.#ledgers.get(encoder)?.dim ?? 0;
        return dim === 0 ? [] : [[encoder, dim]];
      }),
    );
    return {
      applied: this.applied,
      marks: Object.fromEntries(this.#marks),
      encoder: this.encoder,
      ...(this.calibration === "" ? {} : { calibration: this.calibration }),
      candidate: this.candidate,
      ...(this.#candidateShards === undefined ? {} : { candidateShards: this.#candidateShards }),
      preparedShards: [...this.preparedShards].sort((a, b) => a - b),
      ...(this.isHeld ? { isHeld: true } : {}),
      ...(this.previous === undefined ? {} : { previous: this.previous }),
      ...(this.rolledBackFrom === "" ? {} : { rolledBackFrom: this.rolledBackFrom }),
      ...(this.#next === undefined ? {} : { next: this.#storedNext(this.#next) }),
      versions: Object.fromEntries(this.versions),
      // A start opens the encoder in force first, whichever came first: the order is not to tell of it.
      watermarksMs: Object.fromEntries(
        [...this.#ledgers.keys()]
          .sort()
          .map((encoder) => [encoder, this.#ledgers.get(encoder)?.watermarkMs ?? 0]),
      ),
      ...(Object.keys(dims).length === 0 ? {} : { dims }),
      definitions: this.definitions,
      ...(tallies === undefined ? {} : { tallies }),
      ...(this.privates.clockMs === 0 ? {} : { clockMs: this.privates.clockMs }),
      isDirty: this.isDirty,
      repeats: this.repeats,
      dropped: this.dropped,
    };
  }

  #storedNext(next: {
    definitions: SegmentDefinitions;
    shards: ShardKeys;
    prepared: Set<number>;
  }): NonNullable<ProfileMeta["next"]> {
    const prepared = [...next.prepared].sort((a, b) => a - b);
    return { version: next.definitions.version, shards: next.shards, prepared };
  }

  /** @returns False if the sample's vector counts nowhere. */
  #applySample(sample: Sample): boolean {
    if (this.encoder === "" && sample.encoder !== this.candidate) {
      this.encoder = sample.encoder; // The first sample ever tells which encoder serves.
      this.#openLedger(sample.encoder, 0);
    }
    const isErased = sample.user === ERASED_USER;
    if (!isErased) this.usersByHash.added(sample.user);
    const own = this.#ledgers.get(sample.encoder);
    const counts = (isErased ? own?.pass(sample.tsMs, sample.dim ?? 0) : own?.apply(sample)) ?? false;
    for (const [encoder, ledger] of this.#ledgers) {
      if (encoder === sample.encoder) continue;
      // Who someone is does not depend on the encoder, and the windows of all end at the same time.
      if (!isErased) ledger.relabel(sample.user, sample.labels);
      if (counts) ledger.advance(sample.tsMs);
    }
    return counts;
  }

  /** Takes a member out of all ledgers; one who was erased has a hash, by which they are found where the stream names them no more. */
  #remove({ user: named, hash }: Removal): void {
    const isNamed = named !== ERASED_USER;
    const user = isNamed || hash === undefined ? named : this.usersByHash.find(hash);
    if (hash !== undefined) this.erasedThrough = this.applied;
    if (user === undefined || user === ERASED_USER) return;
    for (const ledger of this.#ledgers.values()) {
      if (hash === undefined) ledger.withdraw(user);
      else ledger.remove(user);
    }
  }

  *#members(): Generator<string> {
    for (const [encoder, ledger] of this.#ledgers) {
      yield* ledger.inMemory();
      if (!this.#isGone(encoder)) for (const [user] of this.#storedMembers(encoder)) yield user;
    }
  }

  #drop(encoder: string): void {
    this.#ledgers.delete(encoder);
    this.#dropped.add(encoder);
    this.privates.dropEncoder(encoder);
  }

  *#storedMembers(encoder: string): Generator<readonly [user: string, record: MemberRecord]> {
    for (const page of this.memberPages(encoder)) yield* page;
  }

  /** What the members have contributed under an encoder as of the last commit, page by page. */
  *memberPages(encoder: string): Generator<readonly (readonly [user: string, record: MemberRecord])[]> {
    let after: string | undefined;
    do {
      const page = this.#store.membersAfter(encoder, after, PAGE_MEMBERS);
      yield page.map(([user, bytes]) => [user, decodeMemberRecord(bytes)] as const);
      after = page.at(-1)?.[0];
    } while (after !== undefined);
  }

  #openLedger(encoder: string, watermarkMs: number, dim = 0): void {
    const load = (user: string): MemberRecord | undefined => {
      const bytes = this.#isGone(encoder) ? undefined : this.#store.member(encoder, user);
      return bytes === undefined ? undefined : decodeMemberRecord(bytes);
    };
    const closed = this.privates.closedFor(encoder);
    const ledger = new WindowLedger(encoder, load, { maps: this.#ledgerMaps(), watermarkMs, dim, closed });
    const sums = this.#isGone(encoder) ? [] : this.#store.sums(encoder);
    for (const [key, bytes] of sums) ledger.restoreSums(key, decodeSums(bytes));
    this.#ledgers.set(encoder, ledger);
  }

  /** Whether what the store still has of an encoder goes with the next commit: where that is differs from copy to copy. */
  #isGone(encoder: string): boolean {
    return this.#dropped.has(encoder);
  }
}

/** Shards among those given. */
function countOf(shards: ReadonlySet<number>, { from, count }: ShardKeys): number {
  let found = 0;
  for (const key of shards) if (key >= from && key < from + count) found++;
  return found;
}

function isNewer(
  sequence: number,
  index: number,
  [heldSequence, heldIndex]: readonly [number, number],
): boolean {
  return sequence > heldSequence || (sequence === heldSequence && index > heldIndex);
}
