import type { Encoder } from "../embedding/encoder.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Makes the context's second part that of the encoder in force, from the ring of recent events. The ring changes
 * only with the user's own events, so it does not matter when this happens.
 */
export function rebuildIfStale(shard: ShardState, context: Context): void {
  if (context.encoder === shard.encoder.version) return;
  const features = shard.features.slots;
  const slab = new Float64Array(features + shard.encoder.slots);
  slab.set(context.slab.subarray(0, features));
  for (const event of shard.recent.events(context.user, context.events))
    shard.encoder.fold(slab, features, event);
  context.slab = slab;
  context.encoder = shard.encoder.version;
}

/**
 * Reads the context's embedding, as of its newest event, into the shard's scratch.
 *
 * @returns The effective events behind it.
 */
export function embedContext(shard: ShardState, context: Context): number {
  const { features, encoder, scratch } = shard;
  features.read(context.slab, 0, context.lastTsMs, scratch.features);
  encoder.embed(context.slab, features.slots, scratch.features, context.lastTsMs, scratch.embedding);
  return encoder.evidence(context.slab, features.slots, context.lastTsMs);
}

/** The embedding of a context under an encoder that is not in force, from its ring; shape [encoder.dim]. */
export function embedUnder(shard: ShardState, encoder: Encoder, context: Context): Float32Array {
  const slab = new Float64Array(encoder.slots);
  for (const event of shard.recent.events(context.user, context.events)) encoder.fold(slab, 0, event);
  shard.features.read(context.slab, 0, context.lastTsMs, shard.scratch.features);
  const embedding = new Float32Array(encoder.dim);
  encoder.embed(slab, 0, shard.scratch.features, context.lastTsMs, embedding);
  return embedding;
}
