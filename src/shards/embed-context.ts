import type { Encoder } from "../embedding/encoder.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Makes the context's first part that of the encoder in force, from the ring of recent events. The ring changes
 * only with the user's own events, so it does not matter when this happens.
 */
export function rebuildIfStale(shard: ShardState, context: Context): void {
  if (context.encoder === shard.encoder.version) return;
  context.replaceEncoder(encodedEvents(shard, shard.encoder, context), shard.encoder.version);
}

/**
 * Reads the context's embedding, as of its newest event, into the shard's scratch.
 *
 * @returns The effective events behind it.
 */
export function embedContext(shard: ShardState, context: Context): number {
  const { features, encoder, scratch } = shard;
  features.readSparse(context, context.lastTsMs, scratch.features);
  encoder.embed(context.slab, 0, scratch.features, context.lastTsMs, scratch.embedding);
  return encoder.evidence(context.slab, 0, context.lastTsMs);
}

/** The embedding of a context under an encoder that is not in force, from its ring; shape [encoder.dim]. */
export function embedUnder(shard: ShardState, encoder: Encoder, context: Context): Float32Array {
  const slab = encodedEvents(shard, encoder, context);
  shard.features.readSparse(context, context.lastTsMs, shard.scratch.features);
  const embedding = new Float32Array(encoder.dim);
  encoder.embed(slab, 0, shard.scratch.features, context.lastTsMs, embedding);
  return embedding;
}

/** An encoder's state after the events of a context's ring. */
function encodedEvents(shard: ShardState, encoder: Encoder, context: Context): Float64Array {
  const slab = new Float64Array(encoder.slots);
  for (const event of shard.recent.events(context)) encoder.fold(slab, 0, event);
  return slab;
}
