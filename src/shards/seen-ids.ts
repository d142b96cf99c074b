import { hash32 } from "../kernel/hash.ts";

/** Ids kept a user: a repeat that comes later than this many of their events is a new event. */
export const SEEN_IDS = 128;
const FIRST_ROOM = 8;

/** The newest event ids of one user, as hashes of 64 bits, so that a repeat has no effect. Grows as events come. */
export class SeenIds {
  /** Pairs of hashes, in a ring. */
  #hashes: Uint32Array;
  /** Ids ever added: the next goes to this index modulo the ring. */
  #added: number;

  constructor(hashes: Uint32Array = new Uint32Array(FIRST_ROOM * 2), added = 0) {
    this.#hashes = hashes;
    this.#added = added;
  }

  get added(): number {
    return this.#added;
  }

  /** Ids held, at most {@link SEEN_IDS}. */
  get size(): number {
    return Math.min(this.#added, SEEN_IDS);
  }

  /** Hashes of the ids held, in the ring's order, in the first 2 x size places. */
  get hashes(): Uint32Array {
    return this.#hashes;
  }

  /** Remembers an id. @returns False if it was there already. */
  add(id: string): boolean {
    const low = hash32(id, 1);
    const high = hash32(id, 2);
    const end = this.size * 2;
    for (let i = 0; i < end; i += 2) {
      if (this.#hashes[i] === low && this.#hashes[i + 1] === high) return false;
    }
    if (end === this.#hashes.length && end < SEEN_IDS * 2) {
      const grown = new Uint32Array(end * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    const at = (this.#added % SEEN_IDS) * 2;
    this.#hashes[at] = low;
    this.#hashes[at + 1] = high;
    this.#added++;
    return true;
  }
}
