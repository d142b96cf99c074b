import type { ColumnField, ShardColumns } from "../resonance/score-answer.ts";
import type { ScoreBuffer } from "../resonance/scorer.ts";

/** Many users' values of one map, a row a user, as they are added. */
export class ScoreColumns {
  readonly #segments: number;
  readonly #known: Uint8Array;
  readonly #evidence: Float32Array;
  readonly #none: Float32Array;
  readonly #probabilities: Float32Array;
  readonly #similarities: Float32Array | undefined;
  readonly #resonating: Uint8Array | undefined;
  #rows = 0;

  constructor(users: number, segments: number, fields: readonly ColumnField[]) {
    const cells = users * segments;
    this.#segments = segments;
    this.#known = new Uint8Array(users);
    this.#evidence = new Float32Array(users);
    this.#none = new Float32Array(users);
    this.#probabilities = new Float32Array(cells);
    this.#similarities = fields.includes("similarities") ? new Float32Array(cells) : undefined;
    this.#resonating = fields.includes("resonating") ? new Uint8Array(cells) : undefined;
  }

  /** Adds the next user; the buffers may be used again. */
  add(known: boolean, evidence: number, scores: ScoreBuffer, resonating: Uint8Array): void {
    const row = this.#rows++;
    const segments = this.#segments;
    this.#known[row] = known ? 1 : 0;
    this.#evidence[row] = evidence;
    this.#none[row] = scores.probabilities[segments] ?? 0;
    this.#probabilities.set(scores.probabilities.subarray(0, segments), row * segments);
    this.#similarities?.set(scores.similarities, row * segments);
    this.#resonating?.set(resonating, row * segments);
  }

  finish(facts: Pick<ShardColumns, "segments" | "versions" | "position">): ShardColumns {
    return {
      ...facts,
      known: this.#known,
      evidence: bytesOf(this.#evidence),
      none: bytesOf(this.#none),
      probabilities: bytesOf(this.#probabilities),
      ...(this.#similarities === undefined ? {} : { similarities: bytesOf(this.#similarities) }),
      ...(this.#resonating === undefined ? {} : { resonating: this.#resonating }),
    };
  }
}

/** Little-endian, as every machine is that Node runs on. */
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
