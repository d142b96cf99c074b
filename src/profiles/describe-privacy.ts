import { epsilonsOf } from "../privacy/noise-plan.ts";
import type { MapPrivacyView, PublishedPrivacy } from "../resonance/published-profiles.ts";
import { ledgerKey, type SegmentDefinitions } from "../resonance/segment-map.ts";
import { isPrivate, type PrivateMap, type PrivateReleases } from "./private-releases.ts";
import { noiseOf, type PrivateSeries } from "./private-series.ts";

/** What a map promises its users, and what has been spent of it. */
export function describePrivacy(
  map: PrivateMap,
  given: {
    readonly privates: PrivateReleases | undefined;
    /** The noised buckets of the profiles. */
    readonly window: ReturnType<PrivateSeries["window"]>;
  },
): PublishedPrivacy {
  const { epsilon, delta, contributions } = map.privacy;
  const { bucketMs, buckets } = map.window;
  const windowMs = bucketMs * buckets;
  const budget = given.privates?.budget(map.name);
  const untilMs = budget?.untilMs ?? 0;
  const spent = budget?.spentUntil(untilMs, windowMs) ?? 0;
  const allowed = given.privates?.planOf(map).budget.rho ?? Number.POSITIVE_INFINITY;
  const { bound, exact } = epsilonsOf(spent, delta);
  const lifetime = budget?.lifetime ?? { releases: 0, rho: 0 };
  return {
    epsilon,
    delta,
    windowMs,
    contributions,
    window: { epsilon: bound, exact, share: spent / allowed },
    lifetime: { releases: lifetime.releases, epsilon: epsilonsOf(lifetime.rho, delta).exact },
    refused: budget?.refused ?? 0,
    buckets: given.window.length,
    noise: noiseOf(given.window),
  };
}

/** The same of every private map in force, under the encoder in force. */
export function describeAllPrivacy(state: {
  readonly inForce: SegmentDefinitions;
  readonly encoder: string;
  readonly privates: PrivateReleases;
}): MapPrivacyView[] {
  const { inForce, encoder, privates } = state;
  return inForce.maps.filter(isPrivate).map((map) => {
    const series = privates.series(encoder, ledgerKey(inForce, map.name));
    const window = series?.window(map.window.buckets) ?? [];
    const waiting = [...(series?.buckets.values() ?? [])].filter(({ exact }) => exact.size > 0).length;
    return { map: map.name, ...describePrivacy(map, { privates, window }), waiting };
  });
}
