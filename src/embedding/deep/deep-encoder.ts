import type { FeatureEvent } from "../../features/feature-event.ts";
import type { FeatureSchema } from "../../features/feature-schema.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { Encoder } from "../encoder.ts";
import { EVENT_NUMBERS, writeEventNumbers } from "../event-inputs.ts";
import { TOKEN_GROUPS, TOKENS_MAX, tokenBuffer, writeTokens } from "../event-tokens.ts";
import { TokenIndex } from "../token-index.ts";
import type { DeepArtefact } from "./deep-artefact.ts";
import { DeepCore } from "./deep-core.ts";
import type { DeepKind } from "./network-shape.ts";

/**
 * Serves a trained network: an event costs one step of it, whatever the history.
 *
 * @throws EngineError `SCHEMA_MISMATCH` if it was trained on other features than `schema` reads.
 */
export function deepEncoder(artefact: DeepArtefact, schema: FeatureSchema): Encoder {
  const { base } = artefact;
  if (base.schema !== schema.version || base.mean.length !== schema.width) {
    const detail = { expected: schema.version, actual: base.schema };
    const message = `the encoder was trained on feature schema ${base.schema}, this build reads ${schema.version}`;
    throw new EngineError({ code: "SCHEMA_MISMATCH", message, retryable: false, detail });
  }
  return new DeepEncoder(artefact);
}

class DeepEncoder implements Encoder {
  readonly kind: DeepKind;
  readonly trained = true;
  readonly version: string;
  readonly dim: number;
  readonly slots: number;
  readonly #core: DeepCore;
  readonly #index: TokenIndex;
  readonly #splits: ReadonlyMap<number, number>;
  readonly #tokens = tokenBuffer();
  readonly #event = {
    rows: new Int32Array(TOKENS_MAX),
    from: 0,
    to: 0,
    tsMs: 0,
    numbers: new Float32Array(EVENT_NUMBERS),
    numbersAt: 0,
  };

  constructor(artefact: DeepArtefact) {
    this.kind = artefact.kind;
    this.version = artefact.version;
    this.#core = new DeepCore(artefact);
    this.dim = this.#core.dim;
    this.slots = this.#core.slots;
    this.#index = new TokenIndex(artefact.base.tokens);
    this.#splits = new Map(artefact.base.valueSplits);
  }

  fold(slab: Float64Array, at: number, event: FeatureEvent): void {
    const tokens = this.#tokens;
    const read = this.#event;
    const count = writeTokens(event, this.#splits, tokens);
    let named = 0;
    let recognised = 0;
    for (let i = 0; i < count; i++) {
      const row = this.#index.rowOf(tokens.hashes[i]!);
      read.rows[i] = row;
      if (tokens.groups[i] === TOKEN_GROUPS.setting) continue;
      named++;
      if (row >= 0) recognised++;
    }
    // As in the linear encoder: what names only things that were never seen is no evidence.
    if (named > 0 && recognised === 0) return;
    read.to = count;
    read.tsMs = event.tsMs;
    writeEventNumbers(event, this.#splits, read.numbers, 0);
    this.#core.fold(slab, at, read);
  }

  evidence(slab: Float64Array, at: number, atMs: number): number {
    return this.#core.evidence(slab, at, atMs);
  }

  embed(slab: Float64Array, at: number, features: Float32Array, atMs: number, out: Float32Array): void {
    this.#core.embed(slab, at, features, atMs, out);
  }
}
