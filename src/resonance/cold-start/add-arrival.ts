import type { Arrival } from "../../features/arrival.ts";
import { depthBinOf, type Scorer } from "../scorer.ts";

/**
 * Adds by how much a user's log prior differs from everybody's because of how they came.
 *
 * @param evidence - Effective events, >= 0: the more there are, the less it counts.
 * @param out - Shape [segments + 1]; "none" is last.
 * @returns False, and adds nothing, if it does not differ.
 */
export function addArrivalInto(
  { contextTable, calibration }: Pick<Scorer, "contextTable" | "calibration">,
  arrival: Arrival | undefined,
  evidence: number,
  out: Float64Array,
): boolean {
  if (contextTable === undefined || arrival === undefined) return false;
  const weight = contextTable.weightAt(depthBinOf(calibration, evidence), evidence);
  return contextTable.addInto(arrival, weight, out);
}

/** Whether how a user came makes their log prior another one than everybody's. */
export function tellsArrival(
  { contextTable, calibration }: Pick<Scorer, "contextTable" | "calibration">,
  arrival: Arrival | undefined,
  evidence: number,
): boolean {
  if (contextTable === undefined || arrival === undefined) return false;
  const weight = contextTable.weightAt(depthBinOf(calibration, evidence), evidence);
  return weight > 0 && contextTable.tells(arrival);
}
