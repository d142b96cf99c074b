import { hash32 } from "../kernel/hash.ts";

/** Messages of a stream, the first and the last included. */
export type Range = Readonly<{ from: number; to: number }>;

/** Some messages of a stream that follow each other, and whom they may hold something of. */
type Stretch = Range &
  Readonly<{
    /**
     * Ascending: {@link placeOf} each id in them; hashes of the ids alone, where their places are forgotten; undefined if one of
     * the messages could not be read: it may hold anybody.
     */
    held: Float64Array | Uint32Array | undefined;
  }>;

/** Messages of a stretch. */
const STRETCH_MESSAGES = 1_024;
/** Messages further apart are read apart, each by itself unless there are so many: then all that lies between is read, too. */
const APART = { messages: 64, reader: 32 } as const;
/** Sequences that a stretch spans at most, where others are deleted in between: hash and offset fit in 52 bits. */
const SPAN_MAX = 2 ** 20;
/** What is remembered of a stream. */
export type StretchBounds = Readonly<{
  /** Places, 8 bytes each: of the stretches before them it is forgotten in which of their messages somebody is. */
  placesMax: number;
  /** Hashes of those stretches, 4 bytes each: of the ones before them it is forgotten who is in them. */
  hashesMax: number;
}>;

/** 18 MB: of a log in which every second message is of another visitor, eight million messages. */
const BOUNDS: StretchBounds = { placesMax: 250_000, hashesMax: 4_000_000 };

/**
 * Which messages of a stream may hold something of somebody. A hash of 32 bits may be anybody's, so that one is read in vain now
 * and then; none is passed over that should be read, since messages only ever lose what they hold.
 */
export class Stretches {
  readonly #bounds: StretchBounds;
  #closed: Stretch[] = [];
  /** How many of the closed ones have no places any more: the oldest. */
  #placeless = 0;
  /** Messages before the closed ones of which it is forgotten whom they hold. */
  #forgotten: Range | undefined;
  #places = 0;
  #hashes = 0;
  /** The stretch that messages are taken into. */
  #open = anOpen(1);
  #through = 0;

  constructor(bounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** The last message that is known; 0 for none. */
  get through(): number {
    return this.#through;
  }

  /** Takes in the next message. @param ids - Of all whom it holds something of; undefined if it could not be read. */
  add(sequence: number, ids: Iterable<string> | undefined): void {
    if (this.#open.messages === 0) this.#open.from = sequence;
    else if (sequence - this.#open.from >= SPAN_MAX) this.#close(sequence);
    const open = this.#open;
    this.#through = sequence;
    open.messages++;
    if (ids === undefined) open.isReadable = false;
    else for (const id of ids) open.places.push(placeOf(hash32(id), sequence - open.from));
    if (open.messages >= STRETCH_MESSAGES) this.#close(sequence + 1);
  }

  /** Forgets what the stream holds no more. @param first - The first message that it holds. */
  trim(first: number): void {
    const kept = this.#closed.filter(({ to }) => to >= first);
    const gone = this.#closed.length - kept.length;
    for (const { held } of this.#closed.slice(0, gone)) this.#uncount(held);
    this.#placeless = Math.max(0, this.#placeless - gone);
    this.#closed = kept;
    const { from = 0, to = 0 } = this.#forgotten ?? {};
    this.#forgotten = to >= first ? { from: Math.max(from, first), to } : undefined;
  }

  /** Messages that may hold one of some, each as far as it is asked about; those that touch are one range. */
  holding(asked: readonly Readonly<{ user: string; through: number }>[]): readonly Range[] {
    const wanted = asked.map(({ user, through }) => ({ hash: hash32(user), through }));
    const found: { from: number; to: number }[] = [];
    const add = (from: number, to: number): void => {
      const before = found.at(-1);
      if (before?.to === from - 1) before.to = to;
      else found.push({ from, to });
    };
    const look = ({ from, to, held }: Stretch): void => {
      const near = wanted.filter(({ through }) => through >= from);
      if (near.length === 0) return;
      if (held instanceof Float64Array) {
        for (const offset of offsetsIn(held, near)) add(from + offset, from + offset);
      } else if (held === undefined || near.some(({ hash }) => held[lowerBound(held, hash)] === hash))
        add(from, to);
    };
    if (this.#forgotten !== undefined) look({ ...this.#forgotten, held: undefined });
    for (const stretch of this.#closed) look(stretch);
    const { from, places, isReadable, messages } = this.#open;
    if (messages > 0)
      look({ from, to: this.#through, held: isReadable ? Float64Array.from(places).sort() : undefined });
    return found;
  }

  #close(next: number): void {
    const { from, places, isReadable } = this.#open;
    const held = isReadable ? Float64Array.from(places).sort() : undefined;
    this.#closed.push({ from, to: this.#through, held });
    this.#places += held?.length ?? 0;
    this.#open = anOpen(next);
    const { placesMax, hashesMax } = this.#bounds;
    const last = this.#closed.length - 1;
    for (; this.#places > placesMax && this.#placeless < last; this.#placeless++) {
      const { from, to, held } = this.#closed[this.#placeless]!;
      if (!(held instanceof Float64Array)) continue;
      const hashes = hashesOf(held);
      this.#uncount(held);
      this.#hashes += hashes.length;
      this.#closed[this.#placeless] = { from, to, held: hashes };
    }
    for (; this.#hashes > hashesMax && this.#placeless > 0; this.#placeless--) {
      const { from, to, held } = this.#closed.shift()!;
      this.#uncount(held);
      this.#forgotten = { from: this.#forgotten?.from ?? from, to };
    }
  }

  #uncount(held: Stretch["held"]): void {
    if (held instanceof Float64Array) this.#places -= held.length;
    else this.#hashes -= held?.length ?? 0;
  }
}

/** How messages between two sequences are read: some range by range, others by their places. */
export function readingOf(
  ranges: readonly Range[],
  first = 1,
  through = Number.POSITIVE_INFINITY,
): { runs: readonly Range[]; places: readonly number[] } {
  const runs: Range[] = [];
  const places: number[] = [];
  let near: Range[] = [];
  const close = (): void => {
    const messages = near.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    if (messages >= APART.reader) runs.push({ from: near[0]!.from, to: near.at(-1)!.to });
    else for (const { from, to } of near) for (let at = from; at <= to; at++) places.push(at);
    near = [];
  };
  for (const range of ranges) {
    const [from, to] = [Math.max(range.from, first), Math.min(range.to, through)];
    if (from > to) continue;
    if (near.length > 0 && from - near.at(-1)!.to > APART.messages) close();
    near.push({ from, to });
  }
  if (near.length > 0) close();
  return { runs, places };
}

function anOpen(from: number): { from: number; messages: number; places: number[]; isReadable: boolean } {
  return { from, messages: 0, places: [], isReadable: true };
}

/** An id's hash and, in the lower digits, how far behind the stretch's first message it is. */
function placeOf(hash: number, offset: number): number {
  return hash * SPAN_MAX + offset;
}

/** Offsets of the messages that may hold one of some, ascending. */
function offsetsIn(places: Float64Array, wanted: readonly Readonly<{ hash: number }>[]): number[] {
  const offsets = new Set<number>();
  for (const { hash } of wanted) {
    const end = placeOf(hash + 1, 0);
    for (let at = lowerBound(places, placeOf(hash, 0)); at < places.length && places[at]! < end; at++)
      offsets.add(places[at]! % SPAN_MAX);
  }
  return [...offsets].sort((a, b) => a - b);
}

function hashesOf(places: Float64Array): Uint32Array {
  const hashes = new Set<number>();
  for (const place of places) hashes.add(Math.floor(place / SPAN_MAX));
  return Uint32Array.from(hashes); // As ascending as the places.
}

/** Where the first number that is not less stands, or would. */
function lowerBound(sorted: Float64Array | Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
