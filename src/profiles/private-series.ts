import { decode, encode } from "../kernel/msgpack.ts";
import { CONTRIBUTION_GRID, COUNT_UNITS } from "../privacy/contribution.ts";
import { isShown } from "../privacy/shown-members.ts";
import type { MapPrivacy } from "../resonance/segment-map.ts";
import { BACKGROUND } from "./member-record.ts";
import type { BucketSums } from "./window-sum.ts";

/** A bucket of a private map that takes nothing in any more. */
export type ClosedBucket = {
  /** Standard deviation of its noise, in units of the grid. */
  readonly sigmaUnits: number;
  /** Segment to exact sums, the background's included: until they are noised, then gone. */
  readonly exact: Map<string, BucketSums>;
  /** Segment to sums with noise: shape [dim + 1], the count last; of the background the count alone. */
  readonly noised: Map<string, Float64Array>;
};

/** A segment's sums over the noised buckets of a window. */
export type NoisySegment = Readonly<{
  /** In units of the grid; shape [dim]. */
  sum: Float64Array;
  /** Contributions, by the noisy count. */
  count: number;
  /** Whether it is proven that enough members stand behind it. */
  isShown: boolean;
}>;

/** The closed buckets of one map's sums under one encoder. */
export class PrivateSeries {
  readonly encoder: string;
  readonly key: string;
  readonly dim: number;
  /** Tells series of one encoder and key apart: the first may have been dropped, with all that it knew of its members. */
  readonly life: number;
  /** Last bucket that is closed, released or not. */
  closedThrough: number;
  readonly buckets = new Map<number, ClosedBucket>();
  /** Segments whose profile is shown. */
  readonly #shown: Set<string>;
  /** Whether what is published would differ from the last time. */
  isNew: boolean;

  constructor(encoder: string, key: string, held: SeriesHead) {
    this.encoder = encoder;
    this.key = key;
    this.dim = held.dim;
    this.life = held.life;
    this.closedThrough = held.closedThrough;
    this.#shown = new Set(held.shown);
    this.isNew = held.isNew;
  }

  /** What is stored beside the buckets. */
  head(): SeriesHead {
    const { dim, life, closedThrough, isNew } = this;
    return { dim, life, closedThrough, isNew, shown: [...this.#shown].sort() };
  }

  /** The last bucket that is noised; undefined before the first. */
  get newest(): number | undefined {
    let newest: number | undefined;
    for (const [bucket, { exact }] of this.buckets)
      if (exact.size === 0 && (newest === undefined || bucket > newest)) newest = bucket;
    return newest;
  }

  /** The noised buckets of the window that ends with the newest of them, ascending. */
  window(buckets: number): readonly (readonly [bucket: number, held: ClosedBucket])[] {
    const { newest } = this;
    if (newest === undefined) return [];
    return [...this.buckets]
      .filter(([bucket, { exact }]) => exact.size === 0 && bucket > newest - buckets)
      .sort(([a], [b]) => a - b);
  }

  /** Puts sums with noise in the place of exact ones. @returns Whether these are the first, and are whole. */
  takeNoised(bucket: number, segment: string, values: readonly number[]): boolean {
    const held = this.buckets.get(bucket);
    const length = segment === BACKGROUND ? 1 : this.dim + 1;
    if (held === undefined || values.length !== length || !held.exact.delete(segment)) return false;
    held.noised.set(segment, Float64Array.from(values));
    return true;
  }

  /** Decides anew, after a bucket was noised, which segments have enough members to be shown. */
  decideShown(segments: readonly string[], privacy: MapPrivacy, buckets: number): void {
    const window = this.window(buckets);
    const rule = {
      minMembers: privacy.minMembers,
      contributions: Math.min(privacy.contributions, window.length),
      countNoise: noiseOf(window),
    };
    for (const segment of segments) {
      const { count } = sumsOf(window, segment, this.dim);
      if (isShown(count, this.#shown.has(segment), rule)) this.#shown.add(segment);
      else this.#shown.delete(segment);
    }
  }

  /** A segment's noisy sums over a window of so many buckets. */
  segment(segment: string, buckets: number): NoisySegment {
    const { sum, count } = sumsOf(this.window(buckets), segment, this.dim);
    return { sum, count, isShown: this.#shown.has(segment) };
  }
}

/** A series without its buckets, as plain data. */
export type SeriesHead = Readonly<{
  dim: number;
  life: number;
  closedThrough: number;
  isNew: boolean;
  shown: readonly string[];
}>;

/** Standard deviation of a window's sum on each coordinate, in units of contributions' length. */
export function noiseOf(window: readonly (readonly [number, Pick<ClosedBucket, "sigmaUnits">])[]): number {
  return CONTRIBUTION_GRID * Math.hypot(...window.map(([, { sigmaUnits }]) => sigmaUnits));
}

/** Whole numbers, so their order does not matter. */
function sumsOf(
  window: readonly (readonly [number, ClosedBucket])[],
  segment: string,
  dim: number,
): { sum: Float64Array; count: number } {
  const sum = new Float64Array(dim);
  let units = 0;
  for (const [, { noised }] of window) {
    const values = noised.get(segment);
    if (values === undefined) continue;
    for (let i = 0; i < values.length - 1; i++) sum[i]! += values[i]!;
    units += values.at(-1) ?? 0;
  }
  return { sum, count: units / COUNT_UNITS };
}

type StoredBucket = Readonly<{
  sigmaUnits: number;
  exact: readonly (readonly [segment: string, count: number, sum: Uint8Array])[];
  noised: readonly (readonly [segment: string, values: Uint8Array])[];
}>;

/** A closed bucket as bytes; the same bucket gives the same bytes. */
export function encodeClosedBucket({ sigmaUnits, exact, noised }: ClosedBucket): Uint8Array {
  const byName = <Value>(of: ReadonlyMap<string, Value>) => [...of].sort(([a], [b]) => (a < b ? -1 : 1));
  const stored: StoredBucket = {
    sigmaUnits,
    exact: byName(exact).map(([segment, { count, sum }]) => [segment, count, bytesOf(sum)]),
    noised: byName(noised).map(([segment, values]) => [segment, bytesOf(values)]),
  };
  return encode(stored);
}

/** The bucket that {@link encodeClosedBucket} wrote. */
export function decodeClosedBucket(bytes: Uint8Array): ClosedBucket {
  const { sigmaUnits, exact, noised } = decode(bytes) as StoredBucket;
  return {
    sigmaUnits,
    exact: new Map(exact.map(([segment, count, sum]) => [segment, { count, sum: numbersOf(sum) }])),
    noised: new Map(noised.map(([segment, values]) => [segment, numbersOf(values)])),
  };
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function numbersOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(new Uint8Array(bytes).buffer); // They come out unaligned.
}
