import { hash32 } from "../kernel/hash.ts";

/** Some messages of a stream that follow each other, and whom they may hold something of. */
export type Stretch = Readonly<{
  from: number;
  to: number;
  messages: number;
  /** Hashes of the ids in them, ascending; undefined if one of the messages could not be read: it may hold anybody. */
  hashes: Uint32Array | undefined;
}>;

/** A stretch takes in what follows until it has so many messages: it is read whole for each who may be in it. */
const STRETCH_MESSAGES = 1_024;
/** Hashes kept of a stream, 4 bytes each: of the oldest stretches beyond that it is forgotten who is in them. */
const HASHES_MAX = 1_000_000;

/**
 * Which stretches of a stream may hold something of somebody. A hash of 32 bits may be anybody's, so that a stretch is read in
 * vain now and then; none is passed over that should be read, since messages only ever lose what they hold.
 */
export class Stretches {
  #stretches: Stretch[] = [];
  #hashes = 0;

  /** The last message that is known; 0 for none. */
  get through(): number {
    return this.#stretches.at(-1)?.to ?? 0;
  }

  /** Takes in a stretch that follows the last one. @param ids - In its messages; undefined if one could not be read. */
  add(from: number, to: number, messages: number, ids: ReadonlySet<string> | undefined): void {
    let added: Stretch = { from, to, messages, hashes: ids === undefined ? undefined : hashesOf(ids) };
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.messages < STRETCH_MESSAGES) {
      this.#stretches.pop();
      this.#hashes -= last.hashes?.length ?? 0;
      added = joined(last, added);
    }
    this.#stretches.push(added);
    this.#hashes += added.hashes?.length ?? 0;
    for (let at = 0; this.#hashes > HASHES_MAX && at < this.#stretches.length - 1; at++) {
      const oldest = this.#stretches[at]!;
      this.#hashes -= oldest.hashes?.length ?? 0;
      this.#stretches[at] = { ...oldest, hashes: undefined };
    }
  }

  /** Forgets what the stream holds no more. @param first - The first message that it holds. */
  trim(first: number): void {
    const gone = this.#stretches.filter(({ to }) => to < first);
    for (const { hashes } of gone) this.#hashes -= hashes?.length ?? 0;
    this.#stretches = this.#stretches.slice(gone.length);
  }

  /** Stretches that may hold one of some, each as far as it is asked about; those that touch are one. */
  holding(
    asked: readonly Readonly<{ user: string; through: number }>[],
  ): readonly Readonly<{ from: number; to: number }>[] {
    const wanted = asked.map(({ user, through }) => ({ hash: hash32(user), through }));
    const found: { from: number; to: number }[] = [];
    for (const stretch of this.#stretches) {
      const isHeld = wanted.some(
        ({ hash, through }) =>
          through >= stretch.from && (stretch.hashes === undefined || has(stretch.hashes, hash)),
      );
      if (!isHeld) continue;
      const before = found.at(-1);
      if (before?.to === stretch.from - 1) before.to = stretch.to;
      else found.push({ from: stretch.from, to: stretch.to });
    }
    return found;
  }
}

function hashesOf(ids: ReadonlySet<string>): Uint32Array {
  const hashes = new Uint32Array(ids.size);
  let at = 0;
  for (const id of ids) hashes[at++] = hash32(id);
  return hashes.sort();
}

function joined(before: Stretch, after: Stretch): Stretch {
  const { hashes: ours } = before;
  const { hashes: others } = after;
  const messages = before.messages + after.messages;
  if (ours === undefined || others === undefined)
    return { from: before.from, to: after.to, messages, hashes: undefined };
  const hashes = Uint32Array.from(new Set([...ours, ...others])).sort();
  return { from: before.from, to: after.to, messages, hashes };
}

function has(sorted: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}
