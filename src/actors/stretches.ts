import { hash32 } from "../kernel/hash.ts";

/** Some messages of a stream that follow each other, and whom they may hold something of. */
type Stretch = Readonly<{
  from: number;
  to: number;
  /** Hashes of the ids in them, ascending; undefined if one of the messages could not be read: it may hold anybody. */
  hashes: Uint32Array | undefined;
}>;

/** Messages of a stretch: it is read whole for each who may be in it. */
const STRETCH_MESSAGES = 1_024;
/** Hashes kept of a stream, 4 bytes each: of the oldest stretches beyond that it is forgotten who is in them. */
const HASHES_MAX = 1_000_000;

/**
 * Which stretches of a stream may hold something of somebody. A hash of 32 bits may be anybody's, so that a stretch is read in
 * vain now and then; none is passed over that should be read, since messages only ever lose what they hold.
 */
export class Stretches {
  #closed: Stretch[] = [];
  #hashes = 0;
  /** The stretch that messages are taken into. */
  #open = { messages: 0, hashes: new Set<number>(), isReadable: true };
  #through = 0;

  /** The last message that is known; 0 for none. */
  get through(): number {
    return this.#through;
  }

  /** Takes in the next message. @param ids - Of all whom it holds something of; undefined if it could not be read. */
  add(sequence: number, ids: Iterable<string> | undefined): void {
    const open = this.#open;
    this.#through = sequence;
    open.messages++;
    if (ids === undefined) open.isReadable = false;
    else for (const id of ids) open.hashes.add(hash32(id));
    if (open.messages >= STRETCH_MESSAGES) this.#close();
  }

  /** Forgets what the stream holds no more. @param first - The first message that it holds. */
  trim(first: number): void {
    const gone = this.#closed.filter(({ to }) => to < first);
    for (const { hashes } of gone) this.#hashes -= hashes?.length ?? 0;
    this.#closed = this.#closed.slice(gone.length);
  }

  /** Stretches that may hold one of some, each as far as it is asked about; those that touch are one. */
  holding(
    asked: readonly Readonly<{ user: string; through: number }>[],
  ): readonly Readonly<{ from: number; to: number }>[] {
    const wanted = asked.map(({ user, through }) => ({ hash: hash32(user), through }));
    const found: { from: number; to: number }[] = [];
    const look = (from: number, to: number, has: (hash: number) => boolean): void => {
      if (from > to || !wanted.some(({ hash, through }) => through >= from && has(hash))) return;
      const before = found.at(-1);
      if (before?.to === from - 1) before.to = to;
      else found.push({ from, to });
    };
    for (const { from, to, hashes } of this.#closed)
      look(from, to, (hash) => hashes === undefined || hasSorted(hashes, hash));
    const { hashes, isReadable } = this.#open;
    look(this.#openFrom, this.#through, (hash) => !isReadable || hashes.has(hash));
    return found;
  }

  get #openFrom(): number {
    return (this.#closed.at(-1)?.to ?? 0) + 1;
  }

  #close(): void {
    const { hashes, isReadable } = this.#open;
    const kept = isReadable ? Uint32Array.from(hashes).sort() : undefined;
    this.#closed.push({ from: this.#openFrom, to: this.#through, hashes: kept });
    this.#open = { messages: 0, hashes: new Set(), isReadable: true };
    this.#hashes += kept?.length ?? 0;
    for (let at = 0; this.#hashes > HASHES_MAX && at < this.#closed.length - 1; at++) {
      const oldest = this.#closed[at]!;
      this.#hashes -= oldest.hashes?.length ?? 0;
      this.#closed[at] = { ...oldest, hashes: undefined };
    }
  }
}

function hasSorted(sorted: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}
