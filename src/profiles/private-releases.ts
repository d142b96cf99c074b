import type { ProfileControl } from "../events/profile-control.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import { BudgetLedger, type StoredLedger } from "../privacy/budget-ledger.ts";
import { type NoisePlan, noisePlan } from "../privacy/noise-plan.ts";
import type { MapPrivacy, SegmentMap } from "../resonance/segment-map.ts";
import { BACKGROUND } from "./member-record.ts";
import {
  type ClosedBucket,
  decodeClosedBucket,
  encodeClosedBucket,
  PrivateSeries,
  type SeriesHead,
} from "./private-series.ts";
import type { ProfileCommit, ProfileStore } from "./profile-store.ts";
import type { ClosedBuckets, WindowLedger } from "./window-ledger.ts";

/** A map that is noised. */
export type PrivateMap = SegmentMap & Readonly<{ privacy: MapPrivacy }>;

/** Whether what is published of a map is noised. */
export function isPrivate(map: SegmentMap): map is PrivateMap {
  return map.privacy !== undefined;
}

/** A closed bucket that waits for its noise. */
export type DueBucket = Readonly<{ series: PrivateSeries; bucket: number; held: ClosedBucket }>;

/** Its rows lie among the sums of encoders, under a name that no encoder has. */
export const PRIVATE_TABLE = "private.releases";

type Noised = Extract<ProfileControl, { control: "noised" }>;

/**
 * Everything that is released of private maps: their closed buckets, noised once each, and what that has spent. It is folded
 * like the rest of the profile actor: noise comes from the log, so that every copy, and every replay, has the same.
 *
 * A charge is made when a bucket closes, before anybody draws its noise: what was refused has no noise at all.
 */
export class PrivateReleases {
  /** By {@link seriesKey}. */
  readonly #series = new Map<string, PrivateSeries>();
  /** By the map's name: a map that is defined anew has the same users. */
  readonly #budgets = new Map<string, BudgetLedger>();
  readonly #plans = new Map<string, NoisePlan>();
  readonly #changed = new Set<string>();
  #clockMs: number;

  /** Opens what a store holds. @param clockMs - As late as the log has told that it is, epoch ms; 0 if it has not. */
  constructor(store: Pick<ProfileStore, "sums">, clockMs: number) {
    this.#clockMs = clockMs;
    const buckets: [series: string, bucket: number, held: ClosedBucket][] = [];
    for (const [row, bytes] of store.sums(PRIVATE_TABLE)) {
      const [kind, first = "", key = "", bucket = ""] = row.split(" ");
      if (kind === "budget") this.#budgets.set(first, new BudgetLedger(decode(bytes) as StoredLedger));
      else if (kind === "series")
        this.#series.set(seriesKey(first, key), new PrivateSeries(first, key, decode(bytes) as SeriesHead));
      else buckets.push([seriesKey(first, key), Number(bucket), decodeClosedBucket(bytes)]);
    }
    for (const [series, bucket, held] of buckets) this.#series.get(series)?.buckets.set(bucket, held);
  }

  /** As late as the log has told that it is, epoch ms; 0 if it has not. */
  get clockMs(): number {
    return this.#clockMs;
  }

  /** Time goes on; never back. */
  tellTime(atMs: number): void {
    this.#clockMs = Math.max(this.#clockMs, atMs);
  }

  /** What an encoder's ledger has to know of the buckets that are closed. */
  closedFor(encoder: string): ClosedBuckets {
    const all = this.#series;
    return {
      timeOf: (map, watermarkMs) => this.#timeOf(map, watermarkMs),
      through: (key) => all.get(seriesKey(encoder, key))?.closedThrough ?? Number.NEGATIVE_INFINITY,
      get dim() {
        for (const { dim, encoder: of } of all.values()) if (of === encoder) return dim;
        return 0;
      },
    };
  }

  series(encoder: string, key: string): PrivateSeries | undefined {
    return this.#series.get(seriesKey(encoder, key));
  }

  budget(map: string): BudgetLedger | undefined {
    return this.#budgets.get(map);
  }

  /** The noise of a map, worked out once. */
  planOf({ privacy, window }: PrivateMap): NoisePlan {
    const key = JSON.stringify([privacy, window]);
    const plan = this.#plans.get(key) ?? noisePlan(privacy, window);
    this.#plans.set(key, plan);
    return plan;
  }

  /**
   * Closes the buckets of a map whose time for late samples is over, as far as the window reaches back. Each is charged to the
   * map's budget; what is beyond that is not released, now or later.
   *
   * @param key - What the ledger knows the map by.
   */
  close(ledger: WindowLedger, map: PrivateMap, key: string): void {
    const through = closingBucket(map, this.#timeOf(map, ledger.watermarkMs));
    const held = this.series(ledger.encoder, key);
    // Before the first member nobody knows how long the vectors are.
    if (ledger.dim === 0 || through <= (held?.closedThrough ?? Number.NEGATIVE_INFINITY)) return;
    const series = held ?? this.#open(ledger, key); // Before what tells the length of vectors is taken.
    const taken = ledger.takeThrough(key, through);
    const from = Math.max(series.closedThrough + 1, through - map.window.buckets + 1);
    for (let bucket = from; bucket <= through; bucket++) {
      if (!this.#charge(series, map, bucket)) continue;
      const exact: ClosedBucket["exact"] = new Map();
      for (const segment of segmentsOf(map)) {
        const none = { sum: new Float64Array(series.dim), count: 0 };
        exact.set(segment, taken.get(bucket)?.get(segment) ?? none);
      }
      const { sigmaUnits } = this.planOf(map);
      series.buckets.set(bucket, { sigmaUnits, exact, noised: new Map() });
      this.#changed.add(bucketRow(series, bucket));
    }
    series.closedThrough = through;
    this.#changed.add(headRow(series));
  }

  /** Closes buckets of which nothing will be released: those of an encoder that is not in force any more. */
  pass(ledger: WindowLedger, map: PrivateMap, key: string): void {
    const series = this.series(ledger.encoder, key);
    const through = closingBucket(map, this.#timeOf(map, ledger.watermarkMs));
    if (series === undefined || through <= series.closedThrough) return;
    ledger.takeThrough(key, through);
    series.closedThrough = through;
    this.#changed.add(headRow(series));
  }

  /** Closed buckets without their noise, in an order that does not change. */
  due(): DueBucket[] {
    const due: DueBucket[] = [];
    for (const name of [...this.#series.keys()].sort()) {
      const series = this.#series.get(name)!;
      for (const [bucket, held] of [...series.buckets].sort(([a], [b]) => a - b))
        if (held.exact.size > 0) due.push({ series, bucket, held });
    }
    return due;
  }

  /** Whether closed buckets of an encoder and a map's key wait for their noise. */
  awaitsNoise(encoder: string, key: string): boolean {
    for (const { exact } of this.series(encoder, key)?.buckets.values() ?? [])
      if (exact.size > 0) return true;
    return false;
  }

  /**
   * Takes in sums with noise. What came first of a bucket's segment stays; the exact sums go.
   *
   * @param map - The one that has the key; left out if none has it any more.
   * @returns Whether a bucket is whole by it, so that profiles change.
   */
  takeNoised({ encoder, key, bucket, segments }: Noised, map: PrivateMap | undefined): boolean {
    const series = this.series(encoder, key);
    if (series === undefined || map === undefined) return false;
    let isNew = false;
    for (const [segment, values] of segments) isNew = series.takeNoised(bucket, segment, values) || isNew;
    if (!isNew) return false;
    this.#changed.add(bucketRow(series, bucket));
    if ((series.buckets.get(bucket)?.exact.size ?? 0) > 0) return false; // More of it follows.
    const { buckets } = map.window;
    for (const old of series.buckets.keys()) {
      if (old > (series.newest ?? bucket) - buckets) continue;
      series.buckets.delete(old);
      this.#changed.add(bucketRow(series, old));
    }
    series.decideShown(
      map.segments.map(({ name }) => name),
      map.privacy,
      buckets,
    );
    series.isNew = true;
    this.#changed.add(headRow(series)); // Who is shown may have changed as well.
    return true;
  }

  /** Whether a map's profile differs from the one that was published last; from here on it counts as published. */
  takeNews(encoder: string, key: string): boolean {
    const series = this.series(encoder, key);
    if (series === undefined) return true;
    const { isNew } = series;
    this.#setNew(series, false);
    return isNew;
  }

  /** Something else than noise has changed what is published: definitions, or calibrations. */
  markAllNew(): void {
    for (const series of this.#series.values()) this.#setNew(series, true);
  }

  /** Forgets what was released under an encoder; what it has spent stays. */
  dropEncoder(encoder: string): void {
    this.#drop((series) => series.encoder === encoder);
  }

  /** Forgets all but these maps, by their keys. */
  keepKeys(keys: ReadonlySet<string>): void {
    this.#drop((series) => !keys.has(series.key));
  }

  /** Rows that changed since the last call. */
  takeChanges(): ProfileCommit["sums"] {
    const rows = [...this.#changed].map((row) => [PRIVATE_TABLE, row, this.#rowOf(row)] as const);
    this.#changed.clear();
    return rows;
  }

  /** By the clock, one user's events end nothing for others. Before the log has told the time, nothing ends. */
  #timeOf({ privacy }: SegmentMap, watermarkMs: number): number {
    if (privacy?.closedBy !== "clock") return watermarkMs;
    return this.#clockMs > 0 ? this.#clockMs : Number.NEGATIVE_INFINITY;
  }

  #open(ledger: WindowLedger, key: string): PrivateSeries {
    const { dim, encoder } = ledger;
    const life = this.#opened();
    const head = { dim, life, closedThrough: Number.NEGATIVE_INFINITY, isNew: true, shown: [] };
    const series = new PrivateSeries(encoder, key, head);
    this.#series.set(seriesKey(ledger.encoder, key), series);
    return series;
  }

  /** A number that grows with each charge: of two lives of a series that were both charged, each has its own. */
  #opened(): number {
    let charges = 0;
    for (const { lifetime } of this.#budgets.values()) charges += lifetime.releases;
    return charges;
  }

  #charge(series: PrivateSeries, map: PrivateMap, bucket: number): boolean {
    const { bucketMs } = map.window;
    const { budget, rho } = this.planOf(map);
    const ledger = this.#budgets.get(map.name) ?? new BudgetLedger();
    this.#budgets.set(map.name, ledger);
    this.#changed.add(`budget ${map.name}`);
    const fromMs = bucket * bucketMs;
    // Members of an earlier life are forgotten: what they may contribute to now comes on top.
    const of = `${seriesKey(series.encoder, series.key)} ${series.life}`;
    const { contributions } = map.privacy;
    const isCharged = ledger.charge({ of, fromMs, bucketMs, rho, contributions }, budget);
    ledger.forget(fromMs - 2 * budget.windowMs);
    return isCharged;
  }

  #setNew(series: PrivateSeries, isNew: boolean): void {
    if (series.isNew === isNew) return;
    series.isNew = isNew;
    this.#changed.add(headRow(series));
  }

  #drop(isGone: (series: PrivateSeries) => boolean): void {
    for (const [name, series] of this.#series) {
      if (!isGone(series)) continue;
      this.#series.delete(name);
      this.#changed.add(headRow(series));
      for (const bucket of series.buckets.keys()) this.#changed.add(bucketRow(series, bucket));
    }
  }

  #rowOf(row: string): Uint8Array | undefined {
    const [kind, first = "", key = "", bucket = ""] = row.split(" ");
    if (kind === "budget") return encode(this.#budgets.get(first)?.stored());
    const series = this.series(first, key);
    if (kind === "series") return series === undefined ? undefined : encode(series.head());
    const held = series?.buckets.get(Number(bucket));
    return held === undefined ? undefined : encodeClosedBucket(held);
  }
}

/** The public list of a map: every segment, whether anybody is in it or not, and the background. */
function segmentsOf(map: SegmentMap): readonly string[] {
  return [...map.segments.map(({ name }) => name), BACKGROUND];
}

/** The last bucket whose end, and time for late samples, is over. */
function closingBucket({ window, privacy }: PrivateMap, atMs: number): number {
  return Math.floor((atMs - privacy.graceMs) / window.bucketMs) - 1;
}

/** The last time at which a bucket of a map was to be closed by the clock, epoch ms; 0 if none ever is. */
export function closingTime(map: SegmentMap, nowMs: number): number {
  if (!isPrivate(map) || map.privacy.closedBy !== "clock") return 0;
  return (closingBucket(map, nowMs) + 1) * map.window.bucketMs + map.privacy.graceMs;
}

function seriesKey(encoder: string, key: string): string {
  return `${encoder} ${key}`;
}

function headRow({ encoder, key }: PrivateSeries): string {
  return `series ${encoder} ${key}`;
}

function bucketRow({ encoder, key }: PrivateSeries, bucket: number): string {
  return `bucket ${encoder} ${key} ${bucket}`;
}
