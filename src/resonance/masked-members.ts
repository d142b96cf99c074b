import type { Encoder, History } from "../embedding/encoder.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";

/** A member's history up to some length, as an encoder would see a visitor who did that. */
export type MaskedSample = Readonly<{
  /** Shape [encoder.dim]. */
  embedding: Float32Array;
  /** Effective events. */
  evidence: number;
}>;

const CUTS = 5;
const SALT = 0x6d61736b;

/**
 * Embeds a history after its last event, and before it at lengths that are even on a logarithmic scale: visitors of two
 * events are as frequent as members of fifty.
 *
 * @param history - Events, oldest first; at least one.
 * @returns By rising length; the last one is the whole history.
 */
export function maskedSamples(
  { user, events }: History,
  encoder: Encoder,
  schema: FeatureSchema,
  cuts = CUTS,
): readonly MaskedSample[] {
  const ends = cutLengths(events.length, cuts, hash32(user));
  const features = new Float64Array(schema.slots);
  const state = new Float64Array(encoder.slots);
  const read = new Float32Array(schema.width);
  const samples: MaskedSample[] = [];
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const [i, event] of events.entries()) {
    schema.fold(features, 0, event);
    encoder.fold(state, 0, event);
    newestMs = Math.max(newestMs, event.tsMs);
    if (ends[samples.length] !== i + 1) continue;
    schema.read(features, 0, newestMs, read);
    const embedding = new Float32Array(encoder.dim);
    encoder.embed(state, 0, read, newestMs, embedding);
    samples.push({ embedding, evidence: encoder.evidence(state, 0, newestMs) });
  }
  return samples;
}

function cutLengths(length: number, cuts: number, hash: number): number[] {
  const lengths = new Set<number>([length]);
  for (let cut = 0; cut < cuts; cut++) {
    const uniform = rehash32(hash, SALT + cut) / 2 ** 32;
    lengths.add(Math.min(length, Math.floor(length ** ((cut + uniform) / cuts))));
  }
  return [...lengths].sort((a, b) => a - b);
}
