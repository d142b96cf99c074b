import type { FeatureEvent } from "./feature-event.ts";
import type { FeatureSchema } from "./feature-schema.ts";

/** How the features of some users are spread: what a fit has seen, to be compared with what there is later. */
export type FeatureDistribution = Readonly<{
  /** Of the schema; a distribution of another one can't be compared. */
  schema: string;
  users: number;
  /** Event time of the newest event that was seen, epoch ms. */
  untilMs: number;
  /** By feature: rising upper ends of the bins; the last bin has none. */
  edges: readonly (readonly number[])[];
  /** By feature: users in each bin; one more than edges. */
  counts: readonly (readonly number[])[];
}>;

/** Bins by equal numbers of users; features that are mostly one value have fewer. */
const BINS = 10;

/** What a schema reads after the events of a history, as of the newest; shape [schema.width]. */
export function featuresAfter(schema: FeatureSchema, events: readonly FeatureEvent[]): Float32Array {
  const slab = new Float64Array(schema.slots);
  const read = new Float32Array(schema.width);
  let atMs = 0;
  for (const event of events) {
    schema.fold(slab, 0, event);
    atMs = Math.max(atMs, event.tsMs);
  }
  schema.read(slab, 0, atMs, read);
  return read;
}

/** The distribution of the features of users with these histories, in bins of as equal a number of users as can be. */
export function featureDistribution(
  histories: Iterable<Readonly<{ events: readonly FeatureEvent[] }>>,
  schema: FeatureSchema,
): FeatureDistribution {
  const rows: Float32Array[] = [];
  let untilMs = 0;
  for (const { events } of histories) {
    if (events.length === 0) continue;
    rows.push(featuresAfter(schema, events));
    for (const { tsMs } of events) untilMs = Math.max(untilMs, tsMs);
  }
  const edges = schema.features.map((_, feature) => {
    const values = Float64Array.from(rows, (row) => row[feature] ?? 0).sort();
    const ends = new Set<number>();
    for (let bin = 1; bin < BINS; bin++) {
      const end = values[Math.min(values.length - 1, Math.ceil((bin * values.length) / BINS) - 1)];
      // Behind the largest value there would be nobody.
      if (end !== undefined && end < (values.at(-1) ?? 0)) ends.add(end);
    }
    return [...ends];
  });
  const counts = newCounts(edges);
  for (const row of rows) countFeatures(edges, row, counts);
  return { schema: schema.version, users: rows.length, untilMs, edges, counts };
}

/** Counts of nobody. */
export function newCounts(edges: FeatureDistribution["edges"]): number[][] {
  return edges.map((ends) => Array.from({ length: ends.length + 1 }, () => 0));
}

/** Counts one user's features into their bins. */
export function countFeatures(
  edges: FeatureDistribution["edges"],
  features: Float32Array,
  counts: number[][],
): void {
  for (const [feature, ends] of edges.entries()) {
    const value = features[feature] ?? 0;
    let bin = 0;
    while (bin < ends.length && value > (ends[bin] ?? 0)) bin++;
    const row = counts[feature];
    if (row !== undefined) row[bin] = (row[bin] ?? 0) + 1;
  }
}
