import type { Arrival } from "../features/arrival.ts";
import { type ScoreBuffer, scoreEmbedded } from "../resonance/scorer.ts";
import type { Context } from "./context.ts";
import { shadowOf } from "./embed-context.ts";
import type { ReadyModel } from "./experiments-in-force.ts";
import { offsetsOf } from "./log-offsets.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * A user's distribution under an encoder and profiles that are not in force, with what feedback says of them. Their state
 * is made of their recent events, unless it is held because the encoder warms up.
 *
 * @param nowMs - As for scores: feedback fades until then.
 * @param arrival - How they came.
 * @param out - Of the scorer's segments.
 * @returns False, and nothing is written, if the map in force has other segments than the model.
 */
export function scoreByModel(
  shard: ShardState,
  { encoder, scorer }: ReadyModel,
  context: Context,
  { nowMs, arrival }: Readonly<{ nowMs: number; arrival: Arrival | undefined }>,
  out: ScoreBuffer,
): boolean {
  const map = shard.scorers.findIndex((one) => one.map === scorer.map);
  const inForce = shard.scorers[map];
  if (inForce === undefined || inForce.segments.join("\n") !== scorer.segments.join("\n")) return false;
  const state = shadowOf(shard, encoder, context);
  shard.features.readSparse(context, context.lastTsMs, shard.scratch.features);
  const embedding = new Float32Array(encoder.dim);
  encoder.embed(state, 0, shard.scratch.features, context.lastTsMs, embedding);
  const evidence = encoder.evidence(state, 0, context.lastTsMs);
  const offsets = offsetsOf(shard, context, map, { nowMs, evidence }, arrival);
  scoreEmbedded(scorer, { embedding, embeddedBy: encoder.version }, evidence, out, offsets);
  return true;
}
