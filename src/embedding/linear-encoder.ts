import type { FeatureEvent } from "../features/feature-event.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { Encoder } from "./encoder.ts";
import { tokenBuffer, writeTokens } from "./event-tokens.ts";
import type { LinearArtefact } from "./linear-artefact.ts";
import { addRow, admitEvent, decayedEvents, leftAt, STATE } from "./projected-state.ts";
import { TokenIndex } from "./token-index.ts";

/** Standardised features beyond this say no more (METHODS 5.8). */
export const FEATURE_CLIP = 4;

/**
 * Serves a fitted linear encoder. The state of a user is the decayed sum of the projected tokens, so an event
 * costs a few additions of `dim` numbers, whatever the history.
 *
 * @throws EngineError `SCHEMA_MISMATCH` if the artefact was fitted on other features than `schema` reads.
 */
export function linearEncoder(artefact: LinearArtefact, schema: FeatureSchema): Encoder {
  if (artefact.schema !== schema.version || artefact.mean.length !== schema.width) {
    const detail = { expected: schema.version, actual: artefact.schema };
    const message = `the encoder was fitted on feature schema ${artefact.schema}, this build reads ${schema.version}`;
    throw new EngineError({ code: "SCHEMA_MISMATCH", message, retryable: false, detail });
  }
  return new LinearEncoder(artefact);
}

class LinearEncoder implements Encoder {
  readonly kind = "linear";
  readonly trained = true;
  readonly version: string;
  readonly dim: number;
  readonly slots: number;
  readonly #artefact: LinearArtefact;
  readonly #index: TokenIndex;
  readonly #splits: ReadonlyMap<number, number>;
  readonly #tokens = tokenBuffer();
  readonly #dense: DenseProjection;
  readonly #sum: Float64Array;

  constructor(artefact: LinearArtefact) {
    this.version = artefact.version;
    this.dim = artefact.dim;
    this.slots = STATE.sums + artefact.dim;
    this.#artefact = artefact;
    this.#index = new TokenIndex(artefact.tokens);
    this.#splits = new Map(artefact.valueSplits);
    this.#dense = denseProjection(artefact);
    this.#sum = new Float64Array(artefact.dim);
  }

  fold(slab: Float64Array, at: number, event: FeatureEvent): void {
    const { table, dim, halfLifeMs } = this.#artefact;
    const weight = admitEvent(slab, at, dim, event.tsMs, halfLifeMs);
    const count = writeTokens(event, this.#splits, this.#tokens);
    for (let i = 0; i < count; i++) {
      const row = this.#index.rowOf(this.#tokens.hashes[i]!);
      if (row >= 0) addRow(slab, at, table, row, dim, weight);
    }
  }

  evidence(slab: Float64Array, at: number, atMs: number): number {
    return decayedEvents(slab, at, atMs, this.#artefact.halfLifeMs);
  }

  embed(slab: Float64Array, at: number, features: Float32Array, atMs: number, out: Float32Array): void {
    const { dim, supervised, fill, power, halfLifeMs } = this.#artefact;
    const sum = this.#sum;
    const left = leftAt(slab, at, atMs, halfLifeMs);
    const shrink = left / (slab[at + STATE.events]! * left + 1) ** power;
    this.#dense.project(features, sum);
    for (let i = 0; i < dim; i++) sum[i]! += shrink * slab[at + STATE.sums + i]!;
    compose(sum, supervised, fill, out);
  }
}

/**
 * Makes an embedding of norm 1 (0 for no direction at all) from the projections: the unsupervised part gets the
 * fixed length `fill` before the whole is normalised. So a user who shows little of any segment stays near the
 * middle, and the cosine to a centred profile grows with the supervised part, not only with its direction.
 */
export function compose(
  projected: Float64Array,
  supervised: number,
  fill: number,
  out: Float32Array | Float64Array,
): void {
  const dim = projected.length;
  let signal = 0;
  for (let i = 0; i < supervised; i++) signal += projected[i]! * projected[i]!;
  let rest = 0;
  for (let i = supervised; i < dim; i++) rest += projected[i]! * projected[i]!;
  const norm = Math.sqrt(fill * fill + signal);
  const signalScale = 1 / norm;
  const restScale = rest > 0 ? fill / (norm * Math.sqrt(rest)) : 0;
  for (let i = 0; i < supervised; i++) out[i] = projected[i]! * signalScale;
  for (let i = supervised; i < dim; i++) out[i] = projected[i]! * restScale;
}

type DenseProjection = Readonly<{ project(features: Float32Array, out: Float64Array): void }>;

/** Only features that say something are projected, four at a time: that halves the memory traffic on `out`. */
function denseProjection(artefact: LinearArtefact): DenseProjection {
  const { dim, bias, dense, mean, scale } = artefact;
  const used = Array.from(scale.keys()).filter((feature) => scale[feature] !== 0);
  const padded = Math.ceil(used.length / 4) * 4;
  const feature = new Int32Array(padded);
  const offset = new Float64Array(padded);
  const factor = new Float64Array(padded); // 0 in the padding, which so adds nothing.
  const rows = new Float32Array(padded * dim);
  for (const [row, index] of used.entries()) {
    feature[row] = index;
    offset[row] = mean[index]!;
    factor[row] = scale[index]!;
    rows.set(dense.subarray(index * dim, (index + 1) * dim), row * dim);
  }
  const standardised = (features: Float32Array, row: number): number => {
    const z = (features[feature[row]!]! - offset[row]!) * factor[row]!;
    return Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, z));
  };
  return {
    project(features, out) {
      for (let i = 0; i < dim; i++) out[i] = bias[i]!;
      for (let row = 0; row < padded; row += 4) {
        const a = standardised(features, row);
        const b = standardised(features, row + 1);
        const c = standardised(features, row + 2);
        const d = standardised(features, row + 3);
        if (a === 0 && b === 0 && c === 0 && d === 0) continue;
        const at = row * dim;
        for (let i = 0; i < dim; i++) {
          out[i]! +=
            a * rows[at + i]! +
            b * rows[at + dim + i]! +
            c * rows[at + 2 * dim + i]! +
            d * rows[at + 3 * dim + i]!;
        }
      }
    },
  };
}
