import { addLedgerInto } from "../content/ledger.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * What a user's log prior of a map differs from everybody's by: what their feedback says. It is added to the logits when
 * they are needed, and is no part of the embedding, where behaviour already counts.
 *
 * @param map - Place of the map among those defined.
 * @param nowMs - Feedback fades until then, and impressions whose time-out passes by then count as not clicked.
 * @returns As `scoreInto` takes it, valid until the next call for the map; undefined if it differs by nothing.
 */
export function offsetsOf(
  shard: Pick<ShardState, "content" | "scorers" | "scratch">,
  context: Context,
  map: number,
  nowMs: number,
): Float64Array | undefined {
  if (context.feedback === undefined) return undefined;
  const scorer = shard.scorers[map]!;
  const ledger = context.feedback.ledgerAt(scorer.map, nowMs);
  if (ledger === undefined) return undefined;
  const { offsets, places } = shard.scratch.offsets[map]!;
  offsets.fill(0);
  addLedgerInto(ledger, places, scorer.mode, nowMs, offsets);
  const trust = shard.content.trustOf(scorer.map);
  for (let k = 0; k < offsets.length; k++) offsets[k]! *= trust;
  return offsets;
}
