import type { SegmentMap } from "../resonance/segment-map.ts";
import { BACKGROUND, type MemberRecord, newMemberRecord } from "./member-record.ts";
import type { Sample } from "./sample.ts";
import { addVector, expireSums, moveNewest, newSegmentSums, type SegmentSums } from "./window-sum.ts";

/** What changed since the last commit. */
export type LedgerChanges = Readonly<{ members: Set<string>; sums: Set<string> }>;

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
  /** Event time of the newest sample, epoch ms. */
  watermarkMs = 0;
  /** Samples older than every window. */
  dropped = 0;

  /** @param load - Reads a member's record from the store. */
  constructor(
    encoder: string,
    maps: readonly SegmentMap[],
    load: (user: string) => MemberRecord | undefined,
  ) {
    this.encoder = encoder;
    this.#maps = maps;
    this.#load = load;
  }

  /** Sums by `map segment`, for publication and for the store. */
  get sums(): ReadonlyMap<string, SegmentSums> {
    return this.#sums;
  }

  /** Puts sums in place that were stored. */
  restoreSums(key: string, sums: SegmentSums): void {
    this.#sums.set(key, sums);
  }

  useMaps(maps: readonly SegmentMap[]): void {
    this.#maps = maps;
  }

  /** A member's record, from memory or the store. */
  member(user: string): MemberRecord | undefined {
    const held = this.#members.get(user) ?? this.#load(user);
    if (held !== undefined) this.#members.set(user, held);
    return held;
  }

  /** Takes in a sample. @returns False if it is older than every window. */
  apply(sample: Sample): boolean {
    if (sample.tsMs > this.watermarkMs) {
      this.watermarkMs = sample.tsMs;
      this.#expire();
    }
    const record = this.member(sample.user) ?? newMemberRecord();
    this.#members.set(sample.user, record);
    this.#prune(record);
    for (const map of this.#maps) this.#assign(record, map, sample.labels[map.name] ?? BACKGROUND);
    const placed = this.#place(record, sample);
    if (!placed) this.dropped++;
    this.#changedMembers.add(sample.user);
    return placed;
  }

  /** Takes a member out of all sums: they equal those of a run that never saw the member. */
  remove(user: string): void {
    const record = this.member(user);
    if (record === undefined) return;
    this.#prune(record);
    for (const map of this.#maps) {
      const segment = record.segments.get(map.name);
      if (segment !== undefined) this.#moveAll(record, map, segment, undefined);
    }
    record.segments.clear();
    record.series.clear();
    this.#changedMembers.add(user);
  }

  /** What changed since the last call; the caller writes it in one transaction. */
  takeChanges(): LedgerChanges {
    const changes = { members: new Set(this.#changedMembers), sums: new Set(this.#changedSums) };
    this.#changedMembers.clear();
    this.#changedSums.clear();
    return changes;
  }

  /** Forgets members in memory that the store has. */
  passivate(): void {
    for (const user of this.#members.keys()) if (!this.#changedMembers.has(user)) this.#members.delete(user);
  }

  #expire(): void {
    for (const map of this.#maps) {
      const start = this.#startOf(map);
      for (const [key, sums] of this.#sums) {
        if (key.startsWith(`${map.name} `) && expireSums(sums, start)) this.#changedSums.add(key);
      }
    }
  }

  /** First bucket of a map's window. */
  #startOf(map: SegmentMap): number {
    const { bucketMs, buckets } = map.window;
    return Math.floor(this.watermarkMs / bucketMs) - buckets + 1;
  }

  /** Drops contributions that no window holds any more; the sums have dropped them already. */
  #prune(record: MemberRecord): void {
    for (const [bucketMs, buckets] of record.series) {
      const starts = this.#maps
        .filter((map) => map.window.bucketMs === bucketMs)
        .map((map) => this.#startOf(map));
      const start = Math.min(...starts);
      for (const bucket of buckets.keys()) if (!(bucket >= start)) buckets.delete(bucket);
      if (buckets.size === 0) record.series.delete(bucketMs);
    }
  }

  #assign(record: MemberRecord, map: SegmentMap, segment: string): void {
    const was = record.segments.get(map.name);
    if (was === segment) return;
    this.#moveAll(record, map, was, segment);
    record.segments.set(map.name, segment);
  }

  /** Moves a member's live contributions to a map from one segment's sums to another's. */
  #moveAll(record: MemberRecord, map: SegmentMap, from: string | undefined, to: string | undefined): void {
    const start = this.#startOf(map);
    let newest: number | undefined;
    for (const [bucket, vector] of record.series.get(map.window.bucketMs) ?? []) {
      if (bucket < start) continue;
      if (from !== undefined) addVector(this.#sumsOf(map, from), bucket, vector, -1);
      if (to !== undefined) addVector(this.#sumsOf(map, to), bucket, vector, 1);
      newest = Math.max(newest ?? bucket, bucket);
    }
    if (newest === undefined) return;
    if (from !== undefined) moveNewest(this.#sumsOf(map, from), newest, undefined);
    if (to !== undefined) moveNewest(this.#sumsOf(map, to), undefined, newest);
  }

  /** Puts the sample's vector into its bucket of each length, in place of what the member had there. */
  #place(record: MemberRecord, sample: Sample): boolean {
    const vector = new Int16Array(new Uint8Array(sample.vector).buffer);
    let placed = false;
    for (const bucketMs of new Set(this.#maps.map((map) => map.window.bucketMs))) {
      const bucket = Math.floor(sample.tsMs / bucketMs);
      const maps = this.#maps.filter(
        (map) => map.window.bucketMs === bucketMs && bucket >= this.#startOf(map),
      );
      if (maps.length === 0) continue;
      placed = true;
      const series = record.series.get(bucketMs) ?? new Map<number, Int16Array>();
      record.series.set(bucketMs, series);
      const held = series.get(bucket);
      for (const map of maps) {
        const sums = this.#sumsOf(map, record.segments.get(map.name) ?? BACKGROUND);
        const newest = newestIn(series, this.#startOf(map));
        if (held !== undefined) addVector(sums, bucket, held, -1);
        addVector(sums, bucket, vector, 1);
        moveNewest(sums, newest, Math.max(newest ?? bucket, bucket));
      }
      series.set(bucket, vector);
    }
    return placed;
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

function newestIn(series: ReadonlyMap<number, Int16Array>, start: number): number | undefined {
  let newest: number | undefined;
  for (const bucket of series.keys())
    if (bucket >= start && (newest === undefined || bucket > newest)) newest = bucket;
  return newest;
}
