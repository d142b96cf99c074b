import { ARRIVAL_FIELDS, type Arrival } from "../../features/arrival.ts";
import type { BackOffLevel, StoredCounts } from "./context-prior.ts";

/** A cell of fewer members hardly moves what the one above it says, and would tell of single people. */
const CELL_MEMBERS_MIN = 10;
/** Numbers held at most, a class of a cell each: of many segments fewer cells, those with the most members. */
const NUMBERS_MAX = 1_000_000;
/** Members that each segment, and those without one, are credited with, as a scorer does. */
const CREDIT = { segment: 1, none: 0.5 } as const;
const TWO_TO_32 = 2 ** 32;
const NO_CELL = -1;

/** Members whose arrival is known, by class. */
export type ArrivedMembers = Readonly<{
  arrivals: readonly Arrival[];
  /** Class of each. */
  classes: Int16Array;
}>;

/** How many members of each class came in each way: cells of one field, of two, and so on, each below a coarser one. */
export class ContextCounts {
  readonly segments: number;
  /** The segments, and behind them "none" where it is counted. */
  readonly classes: number;
  readonly levels: readonly BackOffLevel[];
  /** Share of each class; shape [classes]. */
  readonly shares: Float64Array;
  readonly #fields: readonly number[];
  readonly #root: Float64Array;
  /** Cell by the one above it and the value of its field. */
  readonly #cells = new Map<number, number>();
  /** Shape [cells], the coarser before the finer. */
  readonly #above: number[] = [];
  readonly #values: number[] = [];
  /** Shape [cells, classes], and their sums. */
  #counts = new Float64Array(0);
  #members = new Float64Array(0);

  private constructor(segments: number, levels: readonly BackOffLevel[], root: Float64Array) {
    this.segments = segments;
    this.classes = root.length;
    this.levels = levels;
    this.#fields = levels.map(({ field }) => ARRIVAL_FIELDS.indexOf(field));
    this.#root = root;
    this.shares = sharesOf(root, segments);
  }

  /** Counts members. @param classes - The segments, and one more if "none" is counted. */
  static of(
    members: ArrivedMembers,
    of: Readonly<{ segments: number; classes: number }>,
    levels: readonly BackOffLevel[],
  ): ContextCounts {
    const root = new Float64Array(of.classes);
    for (const k of members.classes) root[k]! += 1;
    const counts = new ContextCounts(of.segments, levels, root);
    counts.#grow(members);
    return counts;
  }

  /** What {@link stored} gave. */
  static from(stored: StoredCounts, segments: number, levels: readonly BackOffLevel[]): ContextCounts {
    const counts = new ContextCounts(segments, levels, Float64Array.from(stored.root));
    counts.#allocate(stored.cells.length);
    for (const [cell, [above = NO_CELL, value = 0, ...pairs]] of stored.cells.entries()) {
      counts.#name(above, value);
      for (let i = 0; i + 1 < pairs.length; i += 2) counts.#add(cell, pairs[i]!, pairs[i + 1]!);
    }
    return counts;
  }

  /** Number of cells. */
  get size(): number {
    return this.#above.length;
  }

  /** The finest cell that an arrival is in; -1 if none is known. */
  cellOf(arrival: Arrival): number {
    let cell = NO_CELL;
    for (const field of this.#fields) {
      const below = this.#cells.get(keyOf(cell, arrival[field]!));
      if (below === undefined) return cell;
      cell = below;
    }
    return cell;
  }

  /**
   * Writes p(class | cell), for everybody or for a member of a class, told by the others.
   *
   * @param out - Shape [classes].
   */
  probabilitiesInto(cell: number, out: Float64Array, without = -1): void {
    const path: number[] = [];
    for (let at = cell; at !== NO_CELL; at = this.#above[at]!) path.push(at);
    out.set(this.shares);
    for (let level = 0; level < path.length; level++) {
      const at = path[path.length - 1 - level]!;
      const { tau } = this.levels[level]!;
      const members = Math.max(0, this.#members[at]! - (without < 0 ? 0 : 1));
      for (let k = 0; k < this.classes; k++) {
        const own = Math.max(0, this.#counts[at * this.classes + k]! - (k === without ? 1 : 0));
        out[k] = (own + tau * out[k]!) / (members + tau);
      }
    }
  }

  stored(): StoredCounts {
    const cells = this.#above.map((above, cell) => {
      const numbers = [above, this.#values[cell]!];
      for (let k = 0; k < this.classes; k++) {
        const members = this.#counts[cell * this.classes + k]!;
        if (members > 0) numbers.push(k, members);
      }
      return numbers;
    });
    return { root: [...this.#root], cells };
  }

  /** Makes a level's cells, keeps those with enough members, and goes on below them. */
  #grow({ arrivals, classes }: ArrivedMembers): void {
    const cells = new Int32Array(arrivals.length).fill(NO_CELL);
    const isOut = new Uint8Array(arrivals.length); // In a cell that was not kept.
    let room = Math.floor(NUMBERS_MAX / this.classes);
    for (const field of this.#fields) {
      const members = new Map<number, number>();
      const keys = new Float64Array(arrivals.length);
      for (let i = 0; i < arrivals.length; i++) {
        if (isOut[i] === 1) continue;
        keys[i] = keyOf(cells[i]!, arrivals[i]![field]!);
        members.set(keys[i]!, (members.get(keys[i]!) ?? 0) + 1);
      }
      const kept = [...members]
        .filter(([, count]) => count >= CELL_MEMBERS_MIN)
        .sort(([a, ofA], [b, ofB]) => ofB - ofA || a - b)
        .slice(0, Math.max(0, room));
      room -= kept.length;
      for (const [key] of kept) this.#name(Math.floor(key / TWO_TO_32) - 1, key % TWO_TO_32);
      for (let i = 0; i < arrivals.length; i++) {
        if (isOut[i] === 1) continue;
        const cell = this.#cells.get(keys[i]!);
        if (cell === undefined) isOut[i] = 1;
        else cells[i] = cell;
      }
    }
    this.#allocate(this.size);
    for (let i = 0; i < arrivals.length; i++)
      for (let at = cells[i]!; at !== NO_CELL; at = this.#above[at]!) this.#add(at, classes[i]!, 1);
  }

  #allocate(cells: number): void {
    this.#counts = new Float64Array(cells * this.classes);
    this.#members = new Float64Array(cells);
  }

  #name(above: number, value: number): void {
    this.#cells.set(keyOf(above, value), this.#above.length);
    this.#above.push(above);
    this.#values.push(value);
  }

  #add(cell: number, k: number, members: number): void {
    this.#counts[cell * this.classes + k]! += members;
    this.#members[cell]! += members;
  }
}

/** One number for a cell and a value below it: there are fewer than 2^21 cells. */
function keyOf(above: number, value: number): number {
  return (above + 1) * TWO_TO_32 + value;
}

/** Shares of classes, none of them 0. */
export function sharesOf(members: Float64Array, segments: number): Float64Array {
  const credited = members.map((count, k) => count + (k < segments ? CREDIT.segment : CREDIT.none));
  const total = credited.reduce((sum, count) => sum + count, 0);
  return credited.map((count) => count / total);
}
