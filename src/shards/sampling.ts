import { GRID, type Sample } from "../profiles/sample.ts";
import { segmentOf } from "../resonance/membership.ts";
import { ledgerKey, type SegmentDefinitions, type SegmentMap } from "../resonance/segment-map.ts";
import type { Context } from "./context.ts";

/** The user's segment in each map; maps that they are no member of are left out. */
export function membershipsOf(
  maps: readonly SegmentMap[],
  context: Pick<Context, "labels" | "traits">,
): Record<string, string> {
  const memberships: Record<string, string> = {};
  for (const map of maps) {
    const segment = segmentOf(map, context.labels.get(map.name), context.traits);
    if (segment !== undefined) memberships[map.name] = segment;
  }
  return memberships;
}

/** The segment of a map that an authenticated user is a member of. */
export function memberOf(
  map: SegmentMap | undefined,
  { authenticated, labels, traits }: Pick<Context, "authenticated" | "labels" | "traits">,
): string | undefined {
  return map === undefined || !authenticated ? undefined : segmentOf(map, labels.get(map.name), traits);
}

/**
 * As {@link membershipsOf} for the definitions in force, and for those that are being warmed: each map under the key that
 * the profile actor has for it.
 */
export function labelsOf(
  shard: Readonly<{ definitions: SegmentDefinitions; nextDefinitions: SegmentDefinitions | undefined }>,
  context: Context,
): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const definitions of [shard.definitions, shard.nextDefinitions]) {
    for (const map of definitions?.maps ?? []) {
      const segment = segmentOf(map, context.labels.get(map.name), context.traits);
      if (definitions !== undefined && segment !== undefined)
        labels[ledgerKey(definitions, map.name)] = segment;
    }
  }
  return labels;
}

/**
 * Counts an event into the time bucket of its user and tells whether it is the 1st, 2nd, 4th, 8th ... of the bucket:
 * those are sampled, so that a busy user costs a logarithmic number of samples.
 */
export function isSampled(context: Context, tsMs: number, bucketMs: number): boolean {
  const bucket = Math.floor(tsMs / bucketMs);
  if (bucket !== context.sampleBucket) {
    context.sampleBucket = bucket;
    context.bucketEvents = 0;
  }
  context.bucketEvents++;
  return Number.isInteger(Math.log2(context.bucketEvents));
}

/** The shortest bucket of all maps: the rhythm in which profiles can change. */
export function shortestBucketMs(maps: readonly SegmentMap[]): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ...maps.map((map) => map.window.bucketMs));
}

/**
 * An embedding on the grid, truncated toward zero so that its norm never grows.
 *
 * @returns int16, little-endian, shape [dim].
 * @see METHODS 1.2c.
 */
export function quantise(embedding: Float32Array): Uint8Array {
  const bytes = new Uint8Array(embedding.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < embedding.length; i++) view.setInt16(i * 2, Math.trunc(embedding[i]! / GRID), true);
  return bytes;
}

/** A sample of a context's embedding. */
export function sampleOf(
  context: Context,
  embedded: { readonly encoder: string; readonly embedding: Float32Array; readonly tsMs: number },
  labels: Readonly<Record<string, string>>,
  at: { readonly sequence: number; readonly index: number },
): Sample {
  return {
    sequence: at.sequence,
    index: at.index,
    user: context.user,
    encoder: embedded.encoder,
    tsMs: embedded.tsMs,
    labels,
    vector: quantise(embedded.embedding),
  };
}
