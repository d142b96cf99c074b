import { COUNT_UNITS } from "../privacy/contribution.ts";
import { ledgerKey, type SegmentDefinitions, type SegmentMap } from "../resonance/segment-map.ts";
import { isPrivate, type PrivateReleases } from "./private-releases.ts";
import type { CentroidView } from "./profile-messages.ts";
import type { WindowLedger } from "./window-ledger.ts";
import { membersOf } from "./window-sum.ts";

type Sums = Pick<WindowLedger, "sums" | "watermarkMs" | "encoder">;
/** Contributions by bucket, and who made them. */
type Counts = Readonly<{ buckets: readonly (readonly [bucket: number, count: number])[]; members: number }>;

/** What each profile of the definitions is made of, as a ledger stands; of private maps, as their noisy counts tell. */
export function describeCentroids(
  ledger: Sums | undefined,
  definitions: SegmentDefinitions,
  privates?: PrivateReleases,
): CentroidView[] {
  return definitions.maps.flatMap((map) => {
    const key = ledgerKey(definitions, map.name);
    return map.segments.map(({ name: segment }) => {
      const { buckets, members } = isPrivate(map)
        ? noisyCounts(privates?.series(ledger?.encoder ?? "", key), segment, map)
        : exactCounts(ledger, `${key} ${segment}`);
      const watermarkMs = ledger?.watermarkMs ?? 0;
      let samples = 0;
      let ageMs = 0;
      let newestMs = Number.POSITIVE_INFINITY;
      for (const [bucket, count] of buckets) {
        const bucketAgeMs = Math.max(0, watermarkMs - (bucket + 1) * map.window.bucketMs);
        samples += count;
        ageMs += count * bucketAgeMs;
        newestMs = Math.min(newestMs, bucketAgeMs);
      }
      return {
        map: map.name,
        segment,
        members,
        samples,
        meanAgeMs: samples === 0 ? null : ageMs / samples,
        newestMs: samples === 0 ? null : newestMs,
      };
    });
  });
}

function exactCounts(ledger: Sums | undefined, name: string): Counts {
  const sums = ledger?.sums.get(name);
  const buckets = [...(sums?.buckets ?? [])].map(([bucket, { count }]) => [bucket, count] as const);
  return { buckets, members: sums === undefined ? 0 : membersOf(sums) };
}

function noisyCounts(
  series: ReturnType<PrivateReleases["series"]>,
  segment: string,
  { window, privacy }: SegmentMap,
): Counts {
  const buckets = (series?.window(window.buckets) ?? []).flatMap(([bucket, { noised }]) => {
    const count = Math.round((noised.get(segment)?.at(-1) ?? 0) / COUNT_UNITS);
    return count > 0 ? [[bucket, count] as const] : [];
  });
  const count = series?.segment(segment, window.buckets).count ?? 0;
  const each = Math.min(privacy?.contributions ?? 1, Math.max(1, series?.window(window.buckets).length ?? 0));
  return { buckets, members: Math.max(0, Math.round(count / each)) };
}
