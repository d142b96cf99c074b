import type { FeatureEvent } from "../features/feature-event.ts";
import type { EmbeddingParts } from "./encoder.ts";
import { TOKEN_GROUP_COUNT } from "./event-tokens.ts";
import { earlyDims, type LinearArtefact } from "./linear-artefact.ts";
import { FEATURE_CLIP } from "./linear-placement.ts";
import { addRow, heldWeight, leftAt, noveltyOf, STATE, turnBack } from "./projected-state.ts";
import { addScaled, addScaledSingle } from "./vector.ts";

/**
 * Visits the rows of an event's known tokens, each with its group.
 *
 * @returns False for an event that is passed over as a whole.
 */
export type RowReader = (event: FeatureEvent, visit: (row: number, group: number) => void) => boolean;

type Held = Readonly<{
  slab: Float64Array;
  at: number;
  features: Float32Array;
  atMs: number;
  events: readonly FeatureEvent[];
}>;

/**
 * Takes the embedding of a linear encoder apart. Before it is composed it is a sum; composing multiplies each dimension by
 * a factor that depends on the two lengths of that sum, and with these held at what they are, each summand has its share.
 *
 * @see docs/encoders.md, "linear: what is computed".
 */
export function decomposeLinear(
  artefact: LinearArtefact,
  rowsOf: RowReader,
  { slab, at, features, atMs, events }: Held,
): EmbeddingParts {
  const { dim, power, halfLifeMs, mean, scale, dense } = artefact;
  const left = leftAt(slab, at, atMs, halfLifeMs);
  const held = slab[at + STATE.events]! * left;
  const shrink = left / (held + 1) ** power;
  const novelty = noveltyOf(held);
  const parts = {
    bias: Float64Array.from(artefact.bias),
    features: new Float64Array(mean.length * dim),
    events: new Float64Array(events.length * dim),
    groups: new Float64Array(TOKEN_GROUP_COUNT * dim),
    earlier: new Float64Array(dim),
  };
  for (let f = 0; f < mean.length; f++) {
    if (scale[f] === 0) continue; // It says nothing, whatever it reads.
    const standard = (features[f]! - mean[f]!) * scale[f]!;
    const clipped = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, standard));
    addScaledSingle(parts.features, f * dim, dense, f * dim, dim, clipped);
  }
  addScaled(parts.earlier, 0, slab, at + STATE.sums, dim, shrink);
  addScaled(parts.earlier, 0, slab, at + STATE.sums + dim, earlyDims(artefact), shrink * novelty);
  for (const [e, event] of events.entries()) {
    const weight = shrink * heldWeight(slab, at, event.tsMs, halfLifeMs);
    rowsOf(event, (row, group) => {
      addToken(artefact, row, novelty, parts.events, e * dim, weight);
      addToken(artefact, row, novelty, parts.groups, group * dim, weight);
      addToken(artefact, row, novelty, parts.earlier, 0, -weight);
    });
  }
  const factors = factorsOf(artefact, parts);
  for (const rows of Object.values(parts))
    for (let i = 0; i < rows.length; i++) rows[i]! *= factors[i % dim]!;
  return parts;
}

/** Adds what a token says of a visitor so new. */
function addToken(
  artefact: LinearArtefact,
  row: number,
  novelty: number,
  to: Float64Array,
  toAt: number,
  weight: number,
): void {
  const { dim, table, early } = artefact;
  const told = earlyDims(artefact);
  addScaledSingle(to, toAt, table, row * dim, dim, weight);
  addScaledSingle(to, toAt, early, row * told, told, novelty * weight);
}

/** What composing multiplies each dimension of the sum by. */
function factorsOf({ dim, supervised, fill }: LinearArtefact, parts: EmbeddingParts): Float64Array {
  const sum = Float64Array.from(parts.bias);
  for (const rows of [parts.features, parts.events, parts.earlier])
    for (let i = 0; i < rows.length; i++) sum[i % dim]! += rows[i]!;
  let signal = 0;
  let rest = 0;
  for (let i = 0; i < dim; i++) {
    if (i < supervised) signal += sum[i]! ** 2;
    else rest += sum[i]! ** 2;
  }
  const norm = Math.sqrt(fill * fill + signal);
  const restFactor = rest > 0 ? fill / (norm * Math.sqrt(rest)) : 0;
  return Float64Array.from({ length: dim }, (_, i) => (i < supervised ? 1 / norm : restFactor));
}

/** Takes events out of a state, as if they had not been folded; what is left is as of `newestMs`. */
export function takeOffLinear(
  artefact: LinearArtefact,
  rowsOf: RowReader,
  given: Readonly<{ slab: Float64Array; at: number; events: readonly FeatureEvent[]; newestMs: number }>,
): void {
  const { dim, table, early, halfLifeMs } = artefact;
  const told = earlyDims(artefact);
  const { slab, at, events, newestMs } = given;
  for (const event of events) {
    const weight = heldWeight(slab, at, event.tsMs, halfLifeMs);
    const counted = rowsOf(event, (row) => {
      addRow(slab, at, table, row, dim, -weight);
      addScaledSingle(slab, at + STATE.sums + dim, early, row * told, told, -weight);
    });
    if (counted) slab[at + STATE.events]! -= weight;
  }
  turnBack(slab, at, dim + told, newestMs, halfLifeMs);
}
