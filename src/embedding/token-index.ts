/**
 * Finds a token's row by its hash, by open addressing in a table at most half full: one or two reads of memory. An
 * exact table, not buckets of a shared one: a rare item never borrows the weights of a common one.
 */
export class TokenIndex {
  readonly #tokens: Uint32Array;
  /** Row plus one; 0 is an empty place. */
  readonly #places: Uint32Array;
  readonly #mask: number;

  /** @param tokens - Distinct hashes, none 0; a token's row is its index. */
  constructor(tokens: Uint32Array) {
    let size = 2;
    while (size < tokens.length * 2) size *= 2;
    this.#tokens = tokens;
    this.#places = new Uint32Array(size);
    this.#mask = size - 1;
    for (let row = 0; row < tokens.length; row++) {
      let place = tokens[row]! & this.#mask;
      while (this.#places[place] !== 0) place = (place + 1) & this.#mask;
      this.#places[place] = row + 1;
    }
  }

  /** The token's row, or -1 if it is not known. */
  rowOf(token: number): number {
    let place = token & this.#mask;
    for (;;) {
      const row = this.#places[place]! - 1;
      if (row < 0 || this.#tokens[row] === token) return row;
      place = (place + 1) & this.#mask;
    }
  }
}
