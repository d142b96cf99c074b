import { VersionMismatch } from "../embedding/version-mismatch.ts";
import { mayContribute } from "../privacy/contribution-cap.ts";
import { isBuiltBeside, type SegmentMap } from "../resonance/segment-map.ts";
import { BACKGROUND, type MemberRecord, newMemberRecord, tidy, type Windows } from "./member-record.ts";
import { readVector } from "./read-vector.ts";
import type { Sample } from "./sample.ts";
import {
  addVector,
  type BucketSums,
  expireSums,
  isEmpty,
  moveNewest,
  newSegmentSums,
  type SegmentSums,
} from "./window-sum.ts";

/** What changed since the last commit. */
export type LedgerChanges = Readonly<{ members: Set<string>; sums: Set<string> }>;

/** How a ledger knows which buckets of private maps are closed. */
export type ClosedBuckets = Readonly<{
  /** Last bucket of a map that takes nothing in any more, by the map's key. */
  through(key: string): number;
  /** Length of the vectors in closed buckets; 0 if there are none. */
  readonly dim: number;
  /** How late it is for a private map, given the event time of the newest sample, epoch ms. */
  timeOf(map: SegmentMap, watermarkMs: number): number;
}>;

const NONE_CLOSED: ClosedBuckets = {
  through: () => Number.NEGATIVE_INFINITY,
  dim: 0,
  timeOf: (_, watermarkMs) => watermarkMs,
};

/**
 * Buckets that the sums of a private map reach back beyond its window: one that is open, and one that has ended but still
 * takes late samples, so that what is closed is whole.
 */
const OPEN_BUCKETS = 2;

/**
 * The exact sums of one encoder's samples, by map, segment and time bucket, together with what each member
 * contributed. The window moves with event time.
 *
 * The final content decides, not the way there: a newer sample of a bucket replaces the older one, a relabelled
 * member's contributions move as a whole, and a member who is taken out leaves no trace.
 */
export class WindowLedger {
  readonly encoder: string;
  #maps: readonly SegmentMap[];
  readonly #load: (user: string) => MemberRecord | undefined;
  /** Members touched since the last {@link takeChanges}, and others that happen to be here. */
  readonly #members = new Map<string, MemberRecord>();
  /** By `map segment`. */
  readonly #sums = new Map<string, SegmentSums>();
  readonly #changedMembers = new Set<string>();
  readonly #changedSums = new Set<string>();
  /** A sweep starts when a window has moved, and once after a start: nobody knows how far the last one came. */
  #isSweepDue = true;
  /** The last user that the sweep under way has seen; undefined for none. */
  #sweptTo: string | undefined;
  /** First bucket of each map's window, in the order of the maps. */
  #starts: readonly number[] = [];
  #windows: Windows = new Map();
  #watermarkMs: number;
  /** Known from the first sample on, also once nobody is left: who was never there, and who was erased, must leave the same. */
  #dim: number;
  readonly #closed: ClosedBuckets;

  /** @param load - Reads a member's record from the store. */
  constructor(
    encoder: string,
    load: (user: string) => MemberRecord | undefined,
    given: {
      readonly maps: readonly SegmentMap[];
      readonly watermarkMs: number;
      readonly dim?: number;
      /** Of private maps. */
      readonly closed?: ClosedBuckets;
    },
  ) {
    const { maps, watermarkMs, dim = 0, closed = NONE_CLOSED } = given;
    this.encoder = encoder;
    this.#dim = dim;
    this.#load = load;
    this.#closed = closed;
    this.#watermarkMs = watermarkMs;
    this.#maps = maps;
    this.useMaps(maps);
  }

  /** Event time of the newest sample, epoch ms; 0 before the first. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Sums by `map segment`, for publication and for the store. */
  get sums(): ReadonlyMap<string, SegmentSums> {
    return this.#sums;
  }

  /** Length of the vectors; 0 while there are none. */
  get dim(): number {
    return this.#dim === 0 ? this.#closed.dim : this.#dim;
  }

  /** Puts sums in place that were stored. */
  restoreSums(key: string, sums: SegmentSums): void {
    this.#sums.set(key, sums);
    for (const { sum } of sums.buckets.values()) if (this.#dim === 0) this.#dim = sum.length;
  }

  /** Takes the maps that the sums in place were made for. */
  useMaps(maps: readonly SegmentMap[]): void {
    this.#maps = maps;
    this.#moveTo(maps.map((map) => this.#startAt(map, this.#watermarkMs)));
  }

  /**
   * Takes other maps, some of which are built beside others: who contributes to these is told by samples from here on.
   *
   * @param members - As {@link rebuild} needs them, if windows change.
   */
  changeMaps(
    maps: readonly SegmentMap[],
    members: Iterable<readonly [user: string, record: MemberRecord]>,
  ): void {
    const before = JSON.stringify([...this.#windows].sort());
    const held = this.#maps;
    const keys = new Set(maps.map((map) => map.name));
    this.useMaps(maps);
    if (JSON.stringify([...this.#windows].sort()) !== before) {
      this.useMaps(held);
      this.rebuild(maps, members);
      return;
    }
    for (const key of this.#sums.keys()) {
      if (keys.has(mapOf(key))) continue;
      this.#sums.delete(key);
      this.#changedSums.add(key);
    }
  }

  /**
   * Makes the sums anew for other maps. What the windows before no longer held stays gone, though a longer one might
   * hold it: how far the sweep has come must not be seen in the sums, since it differs from copy to copy.
   *
   * @param members - Every stored member; those in memory are forgotten, so nothing may be uncommitted.
   */
  rebuild(
    maps: readonly SegmentMap[],
    members: Iterable<readonly [user: string, record: MemberRecord]>,
  ): void {
    for (const key of this.#sums.keys()) this.#changedSums.add(key);
    this.#sums.clear();
    this.#members.clear();
    const before = this.#windows;
    this.useMaps(maps);
    for (const [user, record] of members) {
      const expired = before.size > 0 && tidy(record, before); // Without any there was nothing to expire.
      if (tidy(record, this.#windows) || expired) this.#change(user, record);
      const accepted = [...record.accepted.values()];
      const forgot = this.#forgetCaps(record);
      for (const map of maps) this.#moveAll(record, map, undefined, segmentIn(record, map));
      const isSame = [...record.accepted.values()].every((buckets, m) => buckets === accepted[m]);
      if (forgot || !isSame || record.accepted.size !== accepted.length) this.#change(user, record);
    }
  }

  /** A member's record, from memory or the store; undefined if no window holds anything of theirs. */
  member(user: string): MemberRecord | undefined {
    const held = this.#members.get(user) ?? this.#load(user);
    if (held === undefined) return undefined;
    this.#members.set(user, held);
    tidy(held, this.#windows);
    return held.series.size > 0 ? held : undefined;
  }

  /**
   * Takes in a sample: its labels move all that the user contributed, its vector replaces that of its bucket.
   *
   * @returns False, and the vector is left out, if it is older than every window, of another length than this
   * encoder's, or longer than 1.
   * @throws {@link VersionMismatch} if the sample is of another encoder.
   */
  apply(sample: Sample): boolean {
    if (sample.encoder !== this.encoder)
      throw new VersionMismatch({ expected: this.encoder, actual: sample.encoder });
    const vector = readVector(sample.vector);
    if (vector === undefined || (this.dim !== 0 && vector.length !== this.dim)) return false;
    this.#dim = vector.length;
    this.advance(sample.tsMs);
    const held = this.#relabel(sample.user, sample.labels);
    if (!this.#isInWindow(sample.tsMs)) return false;
    const record = held ?? this.#newMember(sample);
    this.#place(record, sample.tsMs, vector);
    this.#changedMembers.add(sample.user);
    return true;
  }

  /** Moves all that a user contributed to other segments, if they contributed anything. */
  relabel(user: string, labels: Readonly<Record<string, string>>): void {
    this.#relabel(user, labels);
  }

  /** Takes in what is left of a sample whose user was erased: its time, and its vector's length. @returns Whether a window holds it. */
  pass(tsMs: number, dim: number): boolean {
    if (this.#dim === 0) this.#dim = dim;
    this.advance(tsMs);
    return this.#isInWindow(tsMs);
  }

  /** Members in memory. */
  inMemory(): Iterable<string> {
    return this.#members.keys();
  }

  /** Moves the windows on, so that they end at an event time; they never move back. */
  advance(watermarkMs: number): void {
    if (watermarkMs <= this.#watermarkMs) return;
    this.#watermarkMs = watermarkMs;
    this.moveWindows();
  }

  /** Moves the windows to where the time now has them; the caller tells if that is not the newest sample's. */
  moveWindows(): void {
    const starts = this.#maps.map((map) => this.#startAt(map, this.#watermarkMs));
    if (starts.every((start, m) => start === this.#starts[m])) return;
    this.#moveTo(starts);
    this.#isSweepDue = true;
    for (const [m, map] of this.#maps.entries()) {
      for (const [key, sums] of this.#sums) {
        if (key.startsWith(`${map.name} `) && expireSums(sums, starts[m]!)) this.#changedSums.add(key);
      }
    }
  }

  /**
   * Takes the sums of a map's buckets up to this one out of the ledger: what comes for them later counts nowhere. The caller has
   * {@link ClosedBuckets} say so from here on.
   *
   * @param key - The map's.
   * @returns Bucket to segment to sums.
   */
  takeThrough(key: string, through: number): Map<number, Map<string, BucketSums>> {
    const taken = new Map<number, Map<string, BucketSums>>();
    for (const [name, sums] of this.#sums) {
      if (mapOf(name) !== key) continue;
      for (const [bucket, held] of sums.buckets) {
        if (bucket > through) continue;
        const segments = taken.get(bucket) ?? new Map<string, BucketSums>();
        taken.set(bucket, segments.set(name.slice(key.length + 1), held));
        sums.buckets.delete(bucket);
        this.#changedSums.add(name);
      }
    }
    return taken;
  }

  /** Takes a member out of all sums: they equal those of a run that never saw the member. Nothing is left of them here. */
  remove(user: string): void {
    this.#takeOut(user)?.accepted.clear();
  }

  /**
   * As {@link remove}, of somebody who stays a user and may come back, such as one who took consent back: it is remembered to
   * which closed buckets they contributed, since their share stays there under the noise, so that the cap counts on. That goes
   * with these buckets, and is in no sum.
   */
  withdraw(user: string): void {
    const record = this.#takeOut(user);
    if (record === undefined) return;
    for (const [key, buckets] of record.accepted) {
      const through = this.#closed.through(key);
      record.accepted.set(
        key,
        buckets.filter((bucket) => bucket <= through),
      );
    }
    this.#forgetOldCaps(record);
  }

  /**
   * What is to be stored of a user: contributions that a window holds, or that they have contributed to a capped map; undefined
   * if nothing is.
   */
  recordOf(user: string): MemberRecord | undefined {
    const record = this.member(user) ?? this.#members.get(user);
    if (record === undefined || record.series.size > 0) return record;
    this.#forgetOldCaps(record);
    return record.accepted.size > 0 ? record : undefined;
  }

  /**
   * Takes the next stored members through the rolling window: who never comes back must not be kept for that.
   *
   * @param after - Reads members that follow a user in the store's order.
   */
  sweep(
    after: (user: string | undefined) => readonly (readonly [user: string, record: MemberRecord])[],
  ): void {
    if (this.#sweptTo === undefined && !this.#isSweepDue) return;
    if (this.#sweptTo === undefined) this.#isSweepDue = false;
    const page = after(this.#sweptTo);
    this.#sweptTo = page.at(-1)?.[0];
    for (const [user, record] of page) {
      if (this.#members.has(user)) continue; // It is tidied, and written, with its samples.
      const forgot = record.series.size === 0 && this.#forgetOldCaps(record);
      if (tidy(record, this.#windows) || forgot) this.#change(user, record);
    }
  }

  /** What changed since the last call; the caller writes it in one transaction. */
  takeChanges(): LedgerChanges {
    for (const key of this.#changedSums) {
      const sums = this.#sums.get(key);
      if (sums !== undefined && isEmpty(sums)) this.#sums.delete(key);
    }
    const changes = { members: new Set(this.#changedMembers), sums: new Set(this.#changedSums) };
    this.#changedMembers.clear();
    this.#changedSums.clear();
    return changes;
  }

  /** Forgets members in memory that the store has. */
  passivate(): void {
    for (const user of this.#members.keys()) if (!this.#changedMembers.has(user)) this.#members.delete(user);
  }

  #relabel(user: string, labels: Readonly<Record<string, string>>): MemberRecord | undefined {
    const record = this.member(user);
    if (record === undefined) return undefined;
    for (const map of this.#maps) {
      const was = segmentIn(record, map);
      const is = labels[map.name] ?? BACKGROUND;
      if (was === is) continue;
      this.#moveAll(record, map, was, is);
      record.segments.set(map.name, is);
      this.#changedMembers.add(user);
    }
    if (this.#forgetCaps(record)) this.#changedMembers.add(user);
    for (const key of record.segments.keys()) {
      // Such a key never comes back.
      if (!isBuiltBeside(key) || this.#maps.some((map) => map.name === key)) continue;
      record.segments.delete(key);
      this.#changedMembers.add(user);
    }
    return record;
  }

  /** Drops what was accepted for maps that there are no more. */
  #forgetCaps(record: MemberRecord): boolean {
    let forgot = false;
    for (const key of record.accepted.keys())
      if (!this.#maps.some((map) => map.name === key && isCapped(map)))
        forgot = record.accepted.delete(key) || forgot;
    return forgot;
  }

  /** Drops accepted buckets that share no window with one that is open. @returns Whether there were any. */
  #forgetOldCaps(record: MemberRecord): boolean {
    let forgot = false;
    for (const [key, buckets] of record.accepted) {
      const at = this.#maps.findIndex((map) => map.name === key && isCapped(map));
      const near = at < 0 ? [] : buckets.filter((bucket) => bucket >= this.#starts[at]!);
      if (near.length === buckets.length && near.length > 0) continue;
      forgot = true;
      if (near.length > 0) record.accepted.set(key, near);
      else record.accepted.delete(key);
    }
    return forgot;
  }

  #takeOut(user: string): MemberRecord | undefined {
    // What has expired of a stored record goes as well, though no sum tells of it any more.
    const record = this.#members.get(user) ?? this.#load(user);
    if (record === undefined) return undefined;
    tidy(record, this.#windows);
    for (const map of this.#maps) this.#moveAll(record, map, segmentIn(record, map), undefined);
    record.segments.clear();
    record.series.clear();
    this.#change(user, record);
    return record;
  }

  #change(user: string, record: MemberRecord): void {
    this.#members.set(user, record);
    this.#changedMembers.add(user);
  }

  #newMember(sample: Sample): MemberRecord {
    const record = newMemberRecord();
    for (const map of this.#maps) record.segments.set(map.name, sample.labels[map.name] ?? BACKGROUND);
    const before = this.#members.get(sample.user); // Of who was a member: what counts toward caps still.
    if (before !== undefined) {
      this.#forgetOldCaps(before);
      for (const [key, buckets] of before.accepted) record.accepted.set(key, buckets);
    }
    this.#members.set(sample.user, record);
    return record;
  }

  #isInWindow(tsMs: number): boolean {
    for (const [bucketMs, first] of this.#windows) if (Math.floor(tsMs / bucketMs) >= first) return true;
    return false;
  }

  #moveTo(starts: readonly number[]): void {
    this.#starts = starts;
    const windows = new Map<number, number>();
    for (const [m, { window }] of this.#maps.entries()) {
      const others = windows.get(window.bucketMs) ?? Number.POSITIVE_INFINITY;
      windows.set(window.bucketMs, Math.min(others, starts[m]!));
    }
    this.#windows = windows;
  }

  #startAt(map: SegmentMap, watermarkMs: number): number {
    const { bucketMs, buckets } = map.window;
    if (map.privacy === undefined) return Math.floor(watermarkMs / bucketMs) - buckets + 1;
    return Math.floor(this.#closed.timeOf(map, watermarkMs) / bucketMs) - buckets - OPEN_BUCKETS + 1;
  }

  /** Moves a member's live contributions to a map from one segment's sums to another's. */
  #moveAll(record: MemberRecord, map: SegmentMap, from: string | undefined, to: string | undefined): void {
    const start = this.#startAt(map, this.#watermarkMs);
    let newest: number | undefined;
    const series = [...(record.series.get(map.window.bucketMs) ?? [])];
    if (map.privacy !== undefined) series.sort(([a], [b]) => a - b); // What the cap accepts may not follow from who held what.
    for (const [bucket, vector] of series) {
      if (bucket < start) continue;
      if (from !== undefined && this.#isCounted(record, map, bucket))
        addVector(this.#sumsOf(map, from), bucket, vector, -1);
      if (to !== undefined && this.#accepts(record, map, bucket))
        addVector(this.#sumsOf(map, to), bucket, vector, 1);
      newest = Math.max(newest ?? bucket, bucket);
    }
    if (newest === undefined) return;
    if (from !== undefined) moveNewest(this.#sumsOf(map, from), newest, undefined);
    if (to !== undefined) moveNewest(this.#sumsOf(map, to), undefined, newest);
  }

  /** Puts a vector into its bucket of each length, in place of what the member had there. */
  #place(record: MemberRecord, tsMs: number, vector: Int16Array): void {
    for (const [bucketMs, first] of this.#windows) {
      const bucket = Math.floor(tsMs / bucketMs);
      if (bucket < first) continue;
      const series = record.series.get(bucketMs) ?? new Map<number, Int16Array>();
      record.series.set(bucketMs, series);
      const held = series.get(bucket);
      for (const [m, map] of this.#maps.entries()) {
        const start = this.#starts[m]!;
        if (map.window.bucketMs !== bucketMs || bucket < start) continue;
        const sums = this.#sumsOf(map, segmentIn(record, map) ?? BACKGROUND);
        const isHeld = held !== undefined && this.#isCounted(record, map, bucket);
        if (this.#accepts(record, map, bucket)) addVector(sums, bucket, vector, 1);
        if (isHeld) addVector(sums, bucket, held, -1);
        const newest = newestIn(series, start);
        moveNewest(sums, newest, Math.max(newest ?? bucket, bucket));
      }
      series.set(bucket, vector);
    }
  }

  /** Whether the sums of a map hold what a member contributed to a bucket. */
  #isCounted(record: MemberRecord, map: SegmentMap, bucket: number): boolean {
    if (map.privacy === undefined) return true;
    if (bucket <= this.#closed.through(map.name)) return false;
    return !isCapped(map) || (record.accepted.get(map.name) ?? []).includes(bucket);
  }

  /** Whether a map takes in what a member contributes to a bucket; if its cap allows that, it is noted. */
  #accepts(record: MemberRecord, map: SegmentMap, bucket: number): boolean {
    if (map.privacy === undefined) return true;
    if (bucket <= this.#closed.through(map.name)) return false;
    if (!isCapped(map)) return true;
    const accepted = record.accepted.get(map.name) ?? [];
    if (accepted.includes(bucket)) return true;
    const { buckets } = map.window;
    const { contributions } = map.privacy;
    if (!mayContribute(accepted, bucket, { contributions, buckets })) return false;
    const start = this.#startAt(map, this.#watermarkMs);
    const near = accepted.filter((other) => other > start - buckets);
    record.accepted.set(
      map.name,
      [...near, bucket].sort((a, b) => a - b),
    );
    return true;
  }

  #sumsOf(map: SegmentMap, segment: string): SegmentSums {
    const key = `${map.name} ${segment}`;
    let sums = this.#sums.get(key);
    if (sums === undefined) {
      sums = newSegmentSums();
      this.#sums.set(key, sums);
    }
    this.#changedSums.add(key);
    return sums;
  }
}

/** Whether a user may not contribute to every bucket of the window. */
function isCapped({ privacy, window }: SegmentMap): boolean {
  return privacy !== undefined && privacy.contributions < window.buckets;
}

/** The segment whose sums hold what a member contributed to a map; undefined if none do. */
function segmentIn(record: MemberRecord, map: SegmentMap): string | undefined {
  return record.segments.get(map.name) ?? (isBuiltBeside(map.name) ? undefined : BACKGROUND);
}

/** The map of a key of sums. */
function mapOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}

function newestIn(series: ReadonlyMap<number, Int16Array>, start: number): number | undefined {
  let newest: number | undefined;
  for (const bucket of series.keys())
    if (bucket >= start && (newest === undefined || bucket > newest)) newest = bucket;
  return newest;
}
