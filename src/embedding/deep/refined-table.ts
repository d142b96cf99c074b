import { addScaledSingle } from "../vector.ts";

/**
 * Vectors of tokens: rows that were fitted in closed form, and what training adds to them. Several tables share
 * what is added: each leaves other users' labels out of the fitted rows.
 */
export class RefinedTable {
  readonly #fitted: Float32Array;
  readonly #added: Float32Array;
  readonly #dim: number;

  /** @param fitted - Shape [tokens, dim], as `added`, which is read as it changes. */
  constructor(fitted: Float32Array, added: Float32Array, dim: number) {
    this.#fitted = fitted;
    this.#added = added;
    this.#dim = dim;
  }

  /** Adds the rows of `ids[from .. to)` to `out`, of shape [dim]. */
  addRows(ids: Uint32Array, from: number, to: number, out: Float64Array): void {
    const dim = this.#dim;
    for (let t = from; t < to; t++) {
      addScaledSingle(out, 0, this.#fitted, ids[t]! * dim, dim, 1);
      addScaledSingle(out, 0, this.#added, ids[t]! * dim, dim, 1);
    }
  }
}
