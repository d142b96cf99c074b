import type { Arrival } from "../../features/arrival.ts";
import { depthBinOf, type Scorer } from "../scorer.ts";

/**
 * Writes by how much a user's log prior differs from everybody's because of how they came.
 *
 * @param evidence - Effective events, >= 0: the more there are, the less it counts.
 * @param out - Shape [segments + 1]; "none" is last.
 * @returns False, and writes nothing, if it does not differ.
 */
export function arrivalOffsetsInto(
  { contextTable, calibration }: Pick<Scorer, "contextTable" | "calibration">,
  arrival: Arrival | undefined,
  evidence: number,
  out: Float64Array,
): boolean {
  if (contextTable === undefined || arrival === undefined) return false;
  const weight = contextTable.weightAt(depthBinOf(calibration, evidence), evidence);
  return contextTable.offsetsInto(arrival, weight, out);
}
