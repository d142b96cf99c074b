import type { Encoder } from "../embedding/encoder.ts";
import { VersionMismatch } from "../embedding/version-mismatch.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Makes the context's first part that of the encoder in force, from the ring of recent events. The ring changes
 * only with the user's own events, so it does not matter when this happens.
 */
export function rebuildIfStale(shard: ShardState, context: Context): void {
  const { encoder, shadows, stateKey } = shard;
  if (context.encoder === stateKey) return;
  const ready = shadows.take(encoder, context);
  context.replaceEncoder(ready ?? encodedEvents(shard, encoder, context), stateKey);
}

/** Makes the context's first part anew, after its ring was changed. */
export function rebuild(shard: ShardState, context: Context): void {
  context.replaceEncoder(encodedEvents(shard, shard.encoder, context), shard.stateKey);
}

/**
 * Reads the context's embedding, as of its newest event, into the shard's scratch.
 *
 * @returns The effective events behind it.
 * @throws {@link VersionMismatch} if the context's state is of another encoder.
 */
export function embedContext(shard: ShardState, context: Context): number {
  const { features, encoder, scratch, stateKey } = shard;
  if (context.encoder !== stateKey)
    throw new VersionMismatch({ expected: stateKey, actual: context.encoder });
  features.readSparse(context, context.lastTsMs, scratch.features);
  encoder.embed(context.slab, 0, scratch.features, context.lastTsMs, scratch.embedding);
  scratch.embeddedBy = encoder.version;
  return encoder.evidence(context.slab, 0, context.lastTsMs);
}

/** The embedding of a context under an encoder that is not in force, from its ring; shape [encoder.dim]. */
export function embedUnder(shard: ShardState, encoder: Encoder, context: Context): Float32Array {
  const state = shadowOf(shard, encoder, context);
  shard.features.readSparse(context, context.lastTsMs, shard.scratch.features);
  const embedding = new Float32Array(encoder.dim);
  encoder.embed(state, 0, shard.scratch.features, context.lastTsMs, embedding);
  return embedding;
}

/** The state of a context under an encoder that is not in force; kept for the switch if the context is in memory. */
export function shadowOf(shard: ShardState, encoder: Encoder, context: Context): Float64Array {
  const held = shard.shadows.find(encoder, context);
  if (held !== undefined) return held;
  const state = encodedEvents(shard, encoder, context);
  if (shard.contexts.holds(context)) shard.shadows.keep(encoder, context, state);
  return state;
}

/** An encoder's state after the events of a context's ring. */
function encodedEvents(shard: ShardState, encoder: Encoder, context: Context): Float64Array {
  const state = new Float64Array(encoder.slots);
  for (const event of shard.recent.events(context)) encoder.fold(state, 0, event);
  return state;
}
