import { hash32 } from "../kernel/hash.ts";

/** Ids kept a user: a repeat that comes later than this many of their events is a new event. */
export const SEEN_IDS = 128;
const FIRST_ROOM = 4;
/** Up to so many ids lie in an ordinary array: a typed one costs two hundred bytes beside them, and most users have few. */
const LISTED_IDS = 16;

/** Pairs of hashes, in a ring, as 32 bits of whatever sign. */
type Hashes = Uint32Array | number[];

/** The newest event ids of one user, as hashes of 64 bits, so that a repeat has no effect. Grows as events come. */
export class SeenIds {
  #hashes: Hashes;
  /** Ids ever added: the next goes to this index modulo the ring. */
  #added: number;

  /** @param held - Hashes of the ids that are held, in the ring's order, two an id. */
  constructor(held: ArrayLike<number> = [], added = 0) {
    let ids = FIRST_ROOM;
    while (ids * 2 < held.length) ids *= 2;
    this.#hashes = roomWith(held, ids);
    this.#added = added;
  }

  get added(): number {
    return this.#added;
  }

  /** Ids held, at most {@link SEEN_IDS}. */
  get size(): number {
    return Math.min(this.#added, SEEN_IDS);
  }

  /** Hashes of the ids held, in the ring's order, in the first 2 x size places; 32 bits of whatever sign. */
  get hashes(): ArrayLike<number> {
    return this.#hashes;
  }

  /** Remembers an id. @returns False if it was there already. */
  add(id: string): boolean {
    const low = hash32(id, 1) | 0; // As small integers, which an array holds as they are.
    const high = hash32(id, 2) | 0;
    const end = this.size * 2;
    for (let i = 0; i < end; i += 2) {
      if ((this.#hashes[i]! | 0) === low && (this.#hashes[i + 1]! | 0) === high) return false;
    }
    if (end === this.#hashes.length && end < SEEN_IDS * 2) this.#hashes = roomWith(this.#hashes, end);
    const at = (this.#added % SEEN_IDS) * 2;
    this.#hashes[at] = low;
    this.#hashes[at + 1] = high;
    this.#added++;
    return true;
  }
}

/** Room for so many ids, with those that are held. */
function roomWith(held: ArrayLike<number>, ids: number): Hashes {
  const hashes: Hashes = ids <= LISTED_IDS ? new Array<number>(ids * 2).fill(0) : new Uint32Array(ids * 2);
  for (let i = 0; i < held.length; i++) hashes[i] = held[i]! | 0;
  return hashes;
}
