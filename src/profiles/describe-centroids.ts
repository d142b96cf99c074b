import { ledgerKey, type SegmentDefinitions } from "../resonance/segment-map.ts";
import type { CentroidView } from "./profile-messages.ts";
import type { WindowLedger } from "./window-ledger.ts";
import { membersOf } from "./window-sum.ts";

/** What each profile of the definitions is made of, as a ledger stands. */
export function describeCentroids(
  ledger: Pick<WindowLedger, "sums" | "watermarkMs"> | undefined,
  definitions: SegmentDefinitions,
): CentroidView[] {
  return definitions.maps.flatMap((map) =>
    map.segments.map(({ name: segment }) => {
      const sums = ledger?.sums.get(`${ledgerKey(definitions, map.name)} ${segment}`);
      const watermarkMs = ledger?.watermarkMs ?? 0;
      let samples = 0;
      let ageMs = 0;
      let newestMs = Number.POSITIVE_INFINITY;
      for (const [bucket, { count }] of sums?.buckets ?? []) {
        const bucketAgeMs = Math.max(0, watermarkMs - (bucket + 1) * map.window.bucketMs);
        samples += count;
        ageMs += count * bucketAgeMs;
        newestMs = Math.min(newestMs, bucketAgeMs);
      }
      return {
        map: map.name,
        segment,
        members: sums === undefined ? 0 : membersOf(sums),
        samples,
        meanAgeMs: samples === 0 ? null : ageMs / samples,
        newestMs: samples === 0 ? null : newestMs,
      };
    }),
  );
}
