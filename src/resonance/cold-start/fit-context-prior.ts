import type { Arrival } from "../../features/arrival.ts";
import type { HeldOutScores } from "../held-out-scores.ts";
import { predictionOf } from "../held-out-votes.ts";
import type { Calibration } from "../published-profiles.ts";
import type { SegmentMap } from "../segment-map.ts";
import { chooseLevels } from "./choose-levels.ts";
import { type ArrivedMembers, ContextCounts, sharesOf } from "./context-counts.ts";
import { ContextOffsets } from "./context-offsets.ts";
import type { ContextPrior } from "./context-prior.ts";
import { fitContextWeights, gainBeforeEvents } from "./fit-context-weights.ts";

/** Below this many members whose first context is known nothing is learnt from it. */
const MEMBERS_MIN = 50;
/** Below this many users without a segment, what a context says of "none" is not told. */
const BACKGROUND_MIN = 500;

/** How members came and what they are, of one map; those of whom no context is known are left out. */
export type MapArrivals = Readonly<{
  arrivals: readonly Arrival[];
  /** Segment of each, or -1. */
  labels: Int16Array;
}>;

/** Whose arrival and labels are known, in the order of the histories. */
export function arrivalsOf(
  map: SegmentMap,
  members: readonly Readonly<{ labels: Readonly<Record<string, string>>; arrival?: Arrival }>[],
): MapArrivals {
  const places = new Map(map.segments.map(({ name }, k) => [name, k]));
  const arrivals: Arrival[] = [];
  const labels: number[] = [];
  for (const { arrival, labels: own } of members) {
    if (arrival === undefined) continue;
    arrivals.push(arrival);
    labels.push(places.get(own[map.name] ?? "") ?? -1);
  }
  return { arrivals, labels: Int16Array.from(labels) };
}

/**
 * Fits what a context tells: fields and their order on the members, each told by the others, and the weight by length of history on
 * users who were held out.
 *
 * @param calibration - What the weights stand beside; fitted without any context.
 * @param heldOut - Users with their arrivals; those without one have no say.
 * @returns Undefined if contexts tell nothing beyond chance.
 */
export function fitContextPrior(
  { mode, segments }: SegmentMap,
  calibration: Calibration,
  heldOut: HeldOutScores,
  given: MapArrivals,
): ContextPrior | undefined {
  const members = counted(given, mode, segments.length);
  if (members.arrivals.length < MEMBERS_MIN) return undefined;
  const root = new Float64Array(members.classCount);
  for (const k of members.classes) root[k]! += 1;
  const levels = chooseLevels(members, sharesOf(root, segments.length));
  if (levels.length === 0) return undefined;
  const of = { segments: segments.length, classes: members.classCount };
  const counts = ContextCounts.of(members, of, levels);
  const offsets = new ContextOffsets(counts, mode);
  const weights = fitContextWeights({
    calibration,
    heldOut,
    members,
    offsets,
    predict: predictionOf(calibration, heldOut),
  });
  if (weights[0] === 0) return undefined; // It may not rise: nothing tells anything later, either.
  return {
    levels,
    weights,
    gain: gainBeforeEvents(members, offsets, weights[0]!),
    counts: counts.stored(),
  };
}

/** The members whose class counts. */
function counted(
  { arrivals, labels }: MapArrivals,
  mode: SegmentMap["mode"],
  segments: number,
): ArrivedMembers & Readonly<{ classCount: number }> {
  const background = labels.reduce((count, label) => count + (label < 0 ? 1 : 0), 0);
  // Base rates are shares of all; shares of segments are of those who have one, unless enough have none.
  const withNone = mode === "independent" || background >= BACKGROUND_MIN;
  if (withNone) {
    const classes = labels.map((label) => (label < 0 ? segments : label));
    return { arrivals, classes, classCount: segments + 1 };
  }
  return {
    arrivals: arrivals.filter((_, i) => labels[i]! >= 0),
    classes: labels.filter((label) => label >= 0),
    classCount: segments,
  };
}
