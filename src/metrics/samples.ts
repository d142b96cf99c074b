import type { BucketFigures } from "../kernel/bucket-counts.ts";
import { CATALOGUE, type MetricKind, type MetricName } from "./catalogue.ts";

/** Values of a metric's labels. */
export type LabelValues = Readonly<Record<string, string | number>>;

/** One line of an exposition. */
export type Sample = Readonly<{ name: string; labels: LabelValues; value: number }>;

/** What a node tells at one moment, by metric. */
export class Samples {
  readonly #held = new Map<MetricName, Sample[]>();

  /** Adds a value; one that is unknown is left out. */
  add(name: MetricName, value: number | boolean | undefined, labels: LabelValues = {}): void {
    if (value === undefined) return;
    this.#of(name).push({ name, labels, value: Number(value) });
  }

  /** Adds a distribution: cumulative buckets, sum and count, as Prometheus has it. */
  addBuckets(name: MetricName, { counts, sum }: BucketFigures, labels: LabelValues = {}): void {
    const { buckets = [] }: MetricKind = CATALOGUE[name];
    const samples = this.#of(name);
    let count = 0;
    for (const [bucket, held] of counts.entries()) {
      count += held;
      const le = bucket < buckets.length ? (buckets[bucket] ?? 0) : "+Inf";
      samples.push({ name: `${name}_bucket`, labels: { ...labels, le }, value: count });
    }
    samples.push({ name: `${name}_sum`, labels, value: sum });
    samples.push({ name: `${name}_count`, labels, value: count });
  }

  /** In the order in which they were added. */
  of(name: MetricName): readonly Sample[] {
    return this.#held.get(name) ?? [];
  }

  #of(name: MetricName): Sample[] {
    let samples = this.#held.get(name);
    if (samples === undefined) {
      samples = [];
      this.#held.set(name, samples);
    }
    return samples;
  }
}
