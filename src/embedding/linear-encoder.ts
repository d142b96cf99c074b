import type { FeatureEvent } from "../features/feature-event.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { Encoder } from "./encoder.ts";
import { TOKEN_GROUPS, TOKENS_MAX, tokenBuffer, writeTokens } from "./event-tokens.ts";
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
  readonly #rows = new Int32Array(TOKENS_MAX);
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
    const count = writeTokens(event, this.#splits, this.#tokens);
    const rows = this.#rows;
    let named = 0;
    let recognised = 0;
    for (let i = 0; i < count; i++) {
      const row = this.#index.rowOf(this.#tokens.hashes[i]!);
      rows[i] = row;
      if (this.#tokens.groups[i] === TOKEN_GROUPS.setting) continue;
      named++;
      if (row >= 0) recognised++;
    }
    // News of today is unknown to an encoder of yesterday: it is no evidence, neither for nor against.
    if (named > 0 && recognised === 0) return;
    const weight = admitEvent(slab, at, dim, event.tsMs, halfLifeMs);
    for (let i = 0; i < count; i++) if (rows[i]! >= 0) addRow(slab, at, table, rows[i]!, dim, weight);
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

/** Outputs that are summed at once, in registers. */
const TILE = 8;

/**
 * Only features that say something are projected. The weights are laid out so that eight outputs are summed in one
 * pass over the features: nothing is stored before its sum is complete. Measured twice as fast as row by row.
 */
function denseProjection(artefact: LinearArtefact): DenseProjection {
  const { dim, bias, dense, mean, scale } = artefact;
  const used = Int32Array.from(scale.keys()).filter((feature) => scale[feature] !== 0);
  const count = used.length;
  const offset = Float64Array.from(used, (feature) => mean[feature]!);
  const factor = Float64Array.from(used, (feature) => scale[feature]!);
  const tiles = Math.ceil(dim / TILE);
  const weights = new Float64Array(tiles * count * TILE); // Zero beyond `dim`.
  const start = new Float64Array(tiles * TILE);
  for (let i = 0; i < dim; i++) {
    const tileAt = Math.floor(i / TILE) * count * TILE + (i % TILE);
    for (let row = 0; row < count; row++) weights[tileAt + row * TILE] = dense[used[row]! * dim + i]!;
    start[i] = bias[i]!;
  }
  const standardised = new Float64Array(count);
  const sums = new Float64Array(tiles * TILE);
  return {
    project(features, out) {
      for (let row = 0; row < count; row++) {
        const z = (features[used[row]!]! - offset[row]!) * factor[row]!;
        standardised[row] = Math.min(FEATURE_CLIP, Math.max(-FEATURE_CLIP, z));
      }
      for (let tile = 0; tile < tiles; tile++) {
        projectTile(standardised, weights, tile * count * TILE, start, sums, tile * TILE);
      }
      for (let i = 0; i < dim; i++) out[i] = sums[i]!;
    },
  };
}

function projectTile(
  x: Float64Array,
  weights: Float64Array,
  weightsAt: number,
  start: Float64Array,
  out: Float64Array,
  outAt: number,
): void {
  let a = start[outAt]!;
  let b = start[outAt + 1]!;
  let c = start[outAt + 2]!;
  let d = start[outAt + 3]!;
  let e = start[outAt + 4]!;
  let f = start[outAt + 5]!;
  let g = start[outAt + 6]!;
  let h = start[outAt + 7]!;
  for (let row = 0, at = weightsAt; row < x.length; row++, at += TILE) {
    const z = x[row]!;
    a += z * weights[at]!;
    b += z * weights[at + 1]!;
    c += z * weights[at + 2]!;
    d += z * weights[at + 3]!;
    e += z * weights[at + 4]!;
    f += z * weights[at + 5]!;
    g += z * weights[at + 6]!;
    h += z * weights[at + 7]!;
  }
  out[outAt] = a;
  out[outAt + 1] = b;
  out[outAt + 2] = c;
  out[outAt + 3] = d;
  out[outAt + 4] = e;
  out[outAt + 5] = f;
  out[outAt + 6] = g;
  out[outAt + 7] = h;
}
