import type { ContextPrior } from "../resonance/cold-start/context-prior.ts";
import { defaultCalibration } from "../resonance/default-calibration.ts";
import { isFittedFor } from "../resonance/fitted-for.ts";
import type { Calibration, FittedCalibration, PublishedProfiles } from "../resonance/published-profiles.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { segmentThresholds } from "../resonance/segment-thresholds.ts";
import { BACKGROUND } from "./member-record.ts";
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
  },
): PublishedProfiles {
  const key = given.key ?? map.name;
  const segments = map.segments.map((segment) => segment.name);
  const profiles = segments.map((segment) => {
    const sums = ledger.sums.get(`${key} ${segment}`) ?? newSegmentSums();
    const mean = meanOf(sums, given.dim);
    return { segment, members: membersOf(sums), centroid: Float32Array.from(mean, (value) => value * GRID) };
  });
  const fitted = given.calibrations.find((one) => isFittedFor(one, map));
  const thresholds = segmentThresholds(map, fitted);
  return {
    map: map.name,
    mode: map.mode,
    version: given.version,
    encoder: ledger.encoder,
    dim: given.dim,
    watermarkMs: ledger.watermarkMs,
    profiles,
    background: membersOf(ledger.sums.get(`${key} ${BACKGROUND}`) ?? newSegmentSums()),
    calibration:
      fitted === undefined
        ? defaultCalibration(ledger.encoder, map.name, segments.length)
        : asServed(fitted, map),
    ...(fitted === undefined || given.fittedIn === undefined ? {} : { fittedIn: given.fittedIn }),
    threshold: map.threshold,
    ...(thresholds === undefined ? {} : { thresholds }),
  };
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
