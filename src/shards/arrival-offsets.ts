import type { Arrival } from "../features/arrival.ts";
import { addArrivalInto } from "../resonance/cold-start/add-arrival.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * How somebody came: as their first act told, and of those who have done nothing yet, as a request tells.
 *
 * @param asked - Of the request.
 */
export function arrivalOf(context: Context, asked: Arrival | undefined): Arrival | undefined {
  return context.events === 0 ? (context.arrival ?? asked) : context.arrival;
}

/**
 * What a user's log prior differs from everybody's by, because of how they came.
 *
 * @param map - Place of the map among those defined.
 * @returns As `scoreInto` takes it, valid until the next call for the map; undefined if it does not differ.
 */
export function arrivalOffsets(
  { scorers, scratch }: Pick<ShardState, "scorers" | "scratch">,
  map: number,
  arrival: Arrival | undefined,
  evidence: number,
): Float64Array | undefined {
  const scorer = scorers[map];
  if (arrival === undefined || scorer?.contextTable === undefined) return undefined;
  const offsets = scratch.arrivals[map]!.fill(0);
  return addArrivalInto(scorer, arrival, evidence, offsets) ? offsets : undefined;
}
