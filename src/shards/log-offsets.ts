import { addLedgerInto } from "../content/ledger.ts";
import type { Arrival } from "../features/arrival.ts";
import type { Share } from "../resonance/attribution.ts";
import { addArrivalInto } from "../resonance/cold-start/add-arrival.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/** What offsets depend on beside the user. */
type At = Readonly<{
  /** Feedback fades until then, and impressions whose time-out passes by then count as not clicked. */
  nowMs: number;
  /** Effective events: the more there are, the less it counts how somebody came. */
  evidence: number;
}>;

type OfShard = Pick<ShardState, "content" | "scorers" | "scratch">;

/**
 * What a user's log prior of a map differs from everybody's by: what their feedback says, and how they came. It is added to the
 * logits when they are needed, and is no part of the embedding, where behaviour already counts.
 *
 * @param map - Place of the map among those defined.
 * @param arrival - How they came.
 * @returns As `scoreInto` takes it, valid until the next call for the map; undefined if it differs by nothing.
 */
export function offsetsOf(
  shard: OfShard,
  context: Context,
  map: number,
  at: At,
  arrival: Arrival | undefined = context.arrival,
): Float64Array | undefined {
  const scorer = shard.scorers[map];
  if (scorer === undefined) return undefined;
  const mayArrive = arrival !== undefined && scorer.contextTable !== undefined;
  if (context.feedback === undefined && !mayArrive) return undefined;
  const offsets = shard.scratch.offsets[map]!.offsets.fill(0);
  const isHeard = writeFeedbackInto(shard, context, map, at.nowMs, offsets);
  const isArrived = addArrivalInto(scorer, arrival, at.evidence, offsets);
  return isHeard || isArrived ? offsets : undefined;
}

/** What alone the way in which a user came changes; undefined if nothing. */
export function arrivalOffsetsOf(
  shard: OfShard,
  arrival: Arrival | undefined,
  map: number,
  evidence: number,
): Float64Array | undefined {
  const scorer = shard.scorers[map]!;
  const offsets = new Float64Array(scorer.segments.length + 1);
  return addArrivalInto(scorer, arrival, evidence, offsets) ? offsets : undefined;
}

/** The same, each part by itself, as an explanation tells it. */
export function shiftsOf(
  shard: OfShard,
  context: Context,
  map: number,
  at: At,
  arrival: Arrival | undefined,
): Share[] {
  const shifts: Share[] = [];
  const feedback = new Float64Array(shard.scorers[map]!.segments.length + 1);
  if (writeFeedbackInto(shard, context, map, at.nowMs, feedback))
    shifts.push({ label: { kind: "feedback" }, values: feedback });
  const came = arrivalOffsetsOf(shard, arrival, map, at.evidence);
  if (came !== undefined) shifts.push({ label: { kind: "context" }, values: came });
  return shifts;
}

/**
 * @param out - All 0; what was heard, as far as it is believed.
 * @returns False, and writes nothing, if nothing was heard.
 */
function writeFeedbackInto(
  shard: OfShard,
  context: Context,
  map: number,
  nowMs: number,
  out: Float64Array,
): boolean {
  const scorer = shard.scorers[map]!;
  const ledger = context.feedback?.ledgerAt(scorer.map, nowMs);
  if (ledger === undefined) return false;
  addLedgerInto(ledger, shard.scratch.offsets[map]!.places, scorer.mode, nowMs, out);
  const trust = shard.content.trustOf(scorer.map);
  for (let k = 0; k < out.length; k++) out[k]! *= trust;
  return true;
}
