import type { ContextPrior } from "../resonance/cold-start/context-prior.ts";
import { defaultCalibration } from "../resonance/default-calibration.ts";
import { isFittedFor } from "../resonance/fitted-for.ts";
import type { Calibration, FittedCalibration, PublishedProfiles } from "../resonance/published-profiles.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { segmentThresholds } from "../resonance/segment-thresholds.ts";
import { describePrivacy } from "./describe-privacy.ts";
import { BACKGROUND } from "./member-record.ts";
import { isPrivate, type PrivateMap, type PrivateReleases } from "./private-releases.ts";
import { GRID } from "./sample.ts";
import type { WindowLedger } from "./window-ledger.ts";
import { meanOf, membersOf, newSegmentSums } from "./window-sum.ts";

/** The profiles of a map as its ledger stands: what is published under a version. */
export function profilesOf(
  ledger: WindowLedger,
  map: SegmentMap,
  given: {
    readonly version: number;
    readonly dim: number;
    readonly calibrations: readonly FittedCalibration[];
    /** Where those are stored. */
    readonly fittedIn?: string;
    /** What the ledger knows the map by; its name if left out. */
    readonly key?: string;
    /** What is released of private maps. */
    readonly privates?: PrivateReleases;
  },
): PublishedProfiles {
  const key = given.key ?? map.name;
  const segments = map.segments.map((segment) => segment.name);
  const content = isPrivate(map)
    ? privateContent(given.privates, map, { encoder: ledger.encoder, key, dim: given.dim })
    : exactContent(ledger, segments, { key, dim: given.dim });
  const fitted = given.calibrations.find((one) => isFittedFor(one, map));
  const thresholds = segmentThresholds(map, fitted);
  return {
    map: map.name,
    mode: map.mode,
    version: given.version,
    encoder: ledger.encoder,
    dim: given.dim,
    watermarkMs: content.watermarkMs,
    profiles: content.profiles,
    background: content.background,
    calibration:
      fitted === undefined
        ? defaultCalibration(ledger.encoder, map.name, segments.length)
        : asServed(fitted, map),
    ...(fitted === undefined || given.fittedIn === undefined ? {} : { fittedIn: given.fittedIn }),
    threshold: map.threshold,
    ...(thresholds === undefined ? {} : { thresholds }),
    ...(content.privacy === undefined ? {} : { privacy: content.privacy }),
  };
}

/** What is published of the members. */
type Content = Pick<PublishedProfiles, "watermarkMs" | "profiles" | "background" | "privacy">;

function exactContent(
  ledger: WindowLedger,
  segments: readonly string[],
  { key, dim }: { readonly key: string; readonly dim: number },
): Content {
  const profiles = segments.map((segment) => {
    const sums = ledger.sums.get(`${key} ${segment}`) ?? newSegmentSums();
    const mean = meanOf(sums, dim);
    return { segment, members: membersOf(sums), centroid: Float32Array.from(mean, (value) => value * GRID) };
  });
  const background = membersOf(ledger.sums.get(`${key} ${BACKGROUND}`) ?? newSegmentSums());
  return { watermarkMs: ledger.watermarkMs, profiles, background };
}

/**
 * Of a private map: from what was noised, and from nothing else. Segments of which not enough members are proven have none.
 *
 * The count of contributions by the most that one member makes is taken for the number of members.
 */
function privateContent(
  privates: PrivateReleases | undefined,
  map: PrivateMap,
  { encoder, key, dim }: { readonly encoder: string; readonly key: string; readonly dim: number },
): Content {
  const series = privates?.series(encoder, key);
  const { bucketMs, buckets } = map.window;
  const window = series?.window(buckets) ?? [];
  const each = Math.max(1, Math.min(map.privacy.contributions, window.length));
  const profiles = map.segments.map(({ name: segment }) => {
    const held = series?.segment(segment, buckets);
    if (held === undefined || !held.isShown || held.count <= 0)
      return { segment, members: 0, centroid: new Float32Array(dim) };
    const centroid = Float32Array.from(held.sum, (value) => (value * GRID) / held.count);
    return { segment, members: Math.max(1, Math.round(held.count / each)), centroid };
  });
  const others = series?.segment(BACKGROUND, buckets).count ?? 0;
  return {
    watermarkMs: endOf(series?.newest ?? series?.closedThrough, bucketMs),
    profiles,
    background: Math.max(0, Math.round(others / each)),
    privacy: describePrivacy(map, { privates, window }),
  };
}

/** End of a bucket, epoch ms: when somebody was there does not matter. */
function endOf(bucket: number | undefined, bucketMs: number): number {
  return bucket === undefined || !Number.isFinite(bucket) ? 0 : (bucket + 1) * bucketMs;
}

/** What a score needs: every publication would carry the rest again. */
function asServed(fitted: FittedCalibration, map: SegmentMap): Calibration {
  const { segments: _, quality: __, prior, contextPrior, ...rest } = fitted;
  const calibration =
    contextPrior === undefined ? rest : { ...rest, contextPrior: withoutCounts(contextPrior) };
  return prior === undefined || map.prior !== "traffic" ? calibration : { ...calibration, prior };
}

function withoutCounts({ counts: _, ...prior }: ContextPrior): ContextPrior {
  return prior;
}

/** Length of the vectors in a ledger; 0 while it is empty. */
export function dimOf(ledger: WindowLedger): number {
  return ledger.dim;
}
