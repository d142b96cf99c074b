import type { FeatureEvent } from "../features/feature-event.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { DimensionMismatch } from "./dimension-mismatch.ts";
import type { EmbeddingParts, Encoder } from "./encoder.ts";
import { TOKEN_GROUPS, TOKENS_MAX, tokenBuffer, writeTokens } from "./event-tokens.ts";
import { earlyDims, type LinearArtefact } from "./linear-artefact.ts";
import { decomposeLinear, type RowReader, takeOffLinear } from "./linear-decomposition.ts";
import { FEATURE_CLIP, LINEAR_PLACEMENT, type LinearLayout, linearLayout } from "./linear-placement.ts";
import { addRow, admitEvent, decayedEvents, leftAt, noveltyOf, STATE } from "./projected-state.ts";
import { TokenIndex } from "./token-index.ts";
import { addScaledSingle } from "./vector.ts";
import { vectorKernels } from "./vector-kernels.ts";

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
  readonly #early: number;
  readonly #index: TokenIndex;
  readonly #splits: ReadonlyMap<number, number>;
  readonly #tokens = tokenBuffer();
  readonly #rows = new Int32Array(TOKENS_MAX);
  readonly #layout: LinearLayout;
  readonly #rowReader: RowReader = (event, visit) => {
    const count = this.#readRows(event);
    for (let i = 0; i < count; i++) if (this.#rows[i]! >= 0) visit(this.#rows[i]!, this.#tokens.groups[i]!);
    return count > 0;
  };

  constructor(artefact: LinearArtefact) {
    this.version = artefact.version;
    this.dim = artefact.dim;
    this.#early = earlyDims(artefact);
    this.slots = STATE.sums + artefact.dim + this.#early;
    this.#artefact = artefact;
    this.#index = new TokenIndex(artefact.tokens);
    this.#splits = new Map(artefact.valueSplits);
    this.#layout = linearLayout(artefact);
  }

  fold(slab: Float64Array, at: number, event: FeatureEvent): void {
    const { table, early, dim, halfLifeMs } = this.#artefact;
    const told = this.#early;
    const rows = this.#rows;
    const count = this.#readRows(event);
    if (count === 0) return;
    const weight = admitEvent(slab, at, dim + told, event.tsMs, halfLifeMs);
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      if (row < 0) continue;
      addRow(slab, at, table, row, dim, weight);
      addScaledSingle(slab, at + STATE.sums + dim, early, row * told, told, weight);
    }
  }

  /**
   * Writes the rows of an event's tokens, -1 for an unknown one, to `#rows`, and their groups to `#tokens`.
   *
   * @returns How many; 0 for an event that is passed over.
   */
  #readRows(event: FeatureEvent): number {
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
    return named > 0 && recognised === 0 ? 0 : count;
  }

  evidence(slab: Float64Array, at: number, atMs: number): number {
    return decayedEvents(slab, at, atMs, this.#artefact.halfLifeMs);
  }

  embed(slab: Float64Array, at: number, features: Float32Array, atMs: number, out: Float32Array): void {
    const { dim, fill, power, halfLifeMs } = this.#artefact;
    const { width, lanes, places } = this.#layout;
    if (features.length !== width) throw new DimensionMismatch({ expected: width, actual: features.length });
    const left = leftAt(slab, at, atMs, halfLifeMs);
    const events = slab[at + STATE.events]! * left;
    const shrink = left / (events + 1) ** power;
    const novelty = noveltyOf(events);
    const kernels = vectorKernels();
    const { float32, float64 } = kernels;
    const place = kernels.place(this.#artefact, LINEAR_PLACEMENT);
    float32.set(features, (place + places.features) / 4);
    const sumsAt = (place + places.sums) / 8;
    const from = at + STATE.sums;
    for (let i = 0; i < dim; i++) float64[sumsAt + i] = slab[from + i]!;
    for (let i = 0; i < this.#early; i++) float64[sumsAt + i]! += novelty * slab[from + dim + i]!;
    kernels.embed(place, width, lanes, shrink, fill, FEATURE_CLIP);
    const embeddingAt = (place + places.embedding) / 4;
    for (let i = 0; i < dim; i++) out[i] = float32[embeddingAt + i]!;
  }

  decompose(
    slab: Float64Array,
    at: number,
    features: Float32Array,
    atMs: number,
    events: readonly FeatureEvent[],
  ): EmbeddingParts {
    return decomposeLinear(this.#artefact, this.#rowReader, { slab, at, features, atMs, events });
  }

  takeOff(slab: Float64Array, at: number, events: readonly FeatureEvent[], newestMs: number): void {
    takeOffLinear(this.#artefact, this.#rowReader, { slab, at, events, newestMs });
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
