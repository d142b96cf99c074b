import { CONTRIBUTION_GRID, COUNT_WEIGHT } from "../privacy/contribution.ts";
import { leastCount } from "../privacy/shown-members.ts";
import { cosineOf, expectedCosines } from "../privacy/utility.ts";
import { auc } from "../resonance/metrics.ts";
import type { MeasuredPrivacy } from "../resonance/published-profiles.ts";
import type { MemberRecord } from "./member-record.ts";
import type { PrivateMap } from "./private-releases.ts";
import { noiseOf, type PrivateSeries } from "./private-series.ts";

/** Pages of members, as the store holds them. */
export type MemberPages = Iterable<readonly (readonly [user: string, record: MemberRecord])[]>;

/** Members whose embeddings are scored. */
const SCORED_MAX = 5_000;

type Sums = { readonly sum: Float64Array; count: number };
type Scored = Readonly<{ segment: number; vector: Int16Array }>;

/**
 * Measures a private map's noisy profiles against exact ones, which are made anew of what the members contributed. The result is
 * not covered by any noise: it is for whoever runs the engine.
 *
 * @param pause - Called after each page, so that others are not kept waiting.
 */
export async function measurePrivacy(
  map: PrivateMap,
  series: PrivateSeries,
  members: MemberPages,
  pause: () => Promise<void>,
): Promise<MeasuredPrivacy> {
  const { buckets } = map.window;
  const window = series.window(buckets);
  const names = map.segments.map(({ name }) => name);
  const { sums, scored } = await exactSums(map, series, members, pause);
  const noise = noiseOf(window);
  const noisy = names.map((name): Sums => series.segment(name, buckets));
  const exactDirections = directionsOf(sums);
  const noisyDirections = directionsOf(noisy);
  const counted = sums.map(({ sum, count }) => ({ count, centroid: centroidOf({ sum, count }) }));
  const expected = expectedCosines(counted, noise);
  const isBoth = (k: number): boolean => sums[k]!.count > 0 && noisy[k]!.count > 0;
  return {
    leastCount: leastCount({
      minMembers: map.privacy.minMembers,
      contributions: Math.min(map.privacy.contributions, window.length),
      countNoise: noise,
    }),
    segments: names.map((segment, k) => ({
      segment,
      isShown: series.segment(segment, buckets).isShown,
      count: noisy[k]!.count,
      exactCount: sums[k]!.count,
      expected: isBoth(k) ? expected[k]! : null,
      measured: isBoth(k) ? cosineOf(noisyDirections[k]!, exactDirections[k]!) : null,
    })),
    auc: aucsOf(scored, exactDirections, noisyDirections),
  };
}

/** What the members that are held now contributed to the noised buckets, by segment. */
async function exactSums(
  map: PrivateMap,
  series: PrivateSeries,
  members: MemberPages,
  pause: () => Promise<void>,
): Promise<{ sums: Sums[]; scored: Scored[] }> {
  const noised = new Set(series.window(map.window.buckets).map(([bucket]) => bucket));
  const indexOf = new Map(map.segments.map(({ name }, k) => [name, k]));
  const sums = map.segments.map((): Sums => ({ sum: new Float64Array(series.dim), count: 0 }));
  const scored: Scored[] = [];
  for (const page of members) {
    for (const [, record] of page) {
      const segment = indexOf.get(record.segments.get(series.key) ?? "");
      const contributions = record.series.get(map.window.bucketMs);
      if (segment === undefined || contributions === undefined) continue;
      const accepted = record.accepted.get(series.key);
      let newest: readonly [bucket: number, vector: Int16Array] | undefined;
      for (const [bucket, vector] of contributions) {
        if (!noised.has(bucket) || accepted?.includes(bucket) === false) continue;
        const held = sums[segment]!;
        for (let i = 0; i < vector.length; i++) held.sum[i]! += vector[i]!;
        held.count++;
        if (newest === undefined || bucket > newest[0]) newest = [bucket, vector];
      }
      if (newest !== undefined && scored.length < SCORED_MAX) scored.push({ segment, vector: newest[1] });
    }
    await pause();
  }
  return { sums, scored };
}

function centroidOf({ sum, count }: Sums): Float64Array {
  return sum.map((value) => (value * CONTRIBUTION_GRID) / Math.max(COUNT_WEIGHT, count));
}

/** From the mean of all centroids to each, as a score has them; zero without contributions. */
function directionsOf(sums: readonly Sums[]): Float64Array[] {
  const centroids = sums.map(centroidOf);
  const populated = centroids.filter((_, k) => sums[k]!.count > 0);
  return centroids.map((centroid, k) => {
    if (sums[k]!.count <= 0) return new Float64Array(centroid.length);
    return centroid.map(
      (value, i) => value - populated.reduce((total, one) => total + one[i]!, 0) / populated.length,
    );
  });
}

function aucsOf(
  scored: readonly Scored[],
  exact: readonly Float64Array[],
  noisy: readonly Float64Array[],
): MeasuredPrivacy["auc"] {
  const macro = (directions: readonly Float64Array[]): number => {
    const areas = directions.flatMap((direction, k) => {
      const cosines = scored.map(({ vector }) => cosineOf(direction, vector));
      const area = auc(
        cosines,
        scored.map(({ segment }) => segment === k),
      );
      return Number.isNaN(area) ? [] : [area];
    });
    return areas.length === 0 ? Number.NaN : areas.reduce((sum, area) => sum + area, 0) / areas.length;
  };
  const [exactAuc, noisyAuc] = [macro(exact), macro(noisy)];
  if (Number.isNaN(exactAuc)) return null;
  return { exact: exactAuc, noisy: noisyAuc, members: scored.length };
}
