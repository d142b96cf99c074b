import { hash32, rehash32 } from "../kernel/hash.ts";
import { seededRandom } from "../kernel/random.ts";
import { sampleBeta } from "../kernel/sample-gamma.ts";
import type { RateTable } from "./rate-table.ts";

/**
 * What each content may be worth to each segment, drawn beforehand: a row of a cell is one draw of its rate, times one
 * more for what purchases add. All decisions under one version of the rates take their rows from here, so that a
 * propensity is a count of rows, exact, and anybody can make the same draws from the seed.
 *
 * A cell is drawn when it is first looked at. Its numbers depend on seed and names only, so the order does not matter, and a
 * version of the rates costs nothing until it decides.
 */
export class WorthPool {
  readonly table: RateTable;
  /** Rows of each cell. */
  readonly rows: number;
  readonly #purchaseWeight: number;
  readonly #seed: number;
  readonly #drawn: (Float64Array | undefined)[];
  readonly #means: (Float64Array | undefined)[];
  /** The highest draw of each cell that was drawn. */
  readonly #highest: Float64Array;

  /**
   * @param given.seed - Of this placement and this version of the rates: see {@link poolSeed}.
   * @param given.rows - More make propensities finer and decisions slower.
   */
  constructor(
    table: RateTable,
    given: { readonly seed: number; readonly purchaseWeight: number; readonly rows?: number },
  ) {
    this.table = table;
    this.rows = given.rows ?? POOL_ROWS;
    this.#purchaseWeight = given.purchaseWeight;
    this.#seed = given.seed;
    this.#drawn = new Array(table.a.length).fill(undefined);
    this.#means = new Array(table.a.length).fill(undefined);
    this.#highest = new Float64Array(table.a.length);
  }

  /** Draws of one cell, shape [rows]. @param k - Place of a segment, or `segments.length` for everybody. */
  drawn(k: number, content: number): Float64Array {
    const at = k * this.table.contents.length + content;
    return this.#drawn[at] ?? this.#draw(at, k, content);
  }

  /** The mean of one cell, shape [1]. */
  mean(k: number, content: number): Float64Array {
    const at = k * this.table.contents.length + content;
    return this.#means[at] ?? this.#average(at);
  }

  /** The highest draw of one cell: no row is worth more. */
  highest(k: number, content: number): number {
    const at = k * this.table.contents.length + content;
    if (this.#drawn[at] === undefined) this.#draw(at, k, content);
    return this.#highest[at]!;
  }

  #draw(at: number, k: number, content: number): Float64Array {
    const { a, b, purchaseA, purchaseB, segments, contents } = this.table;
    const ofSegment = rehash32(this.#seed, hash32(segments[k] ?? ""));
    const random = seededRandom(rehash32(ofSegment, hash32(contents[content]!)));
    const cell = new Float64Array(this.rows);
    for (let row = 0; row < cell.length; row++) {
      const rate = sampleBeta(a[at]!, b[at]!, random);
      const bought =
        this.#purchaseWeight > 0
          ? this.#purchaseWeight * sampleBeta(purchaseA[at]!, purchaseB[at]!, random)
          : 0;
      cell[row] = rate * (1 + bought);
      this.#highest[at] = Math.max(this.#highest[at]!, cell[row]!);
    }
    this.#drawn[at] = cell;
    return cell;
  }

  #average(at: number): Float64Array {
    const { a, b, purchaseA, purchaseB } = this.table;
    const bought = purchaseA[at]! / (purchaseA[at]! + purchaseB[at]!);
    const rate = a[at]! / (a[at]! + b[at]!);
    const cell = Float64Array.of(rate * (1 + this.#purchaseWeight * bought));
    this.#means[at] = cell;
    return cell;
  }
}

/** A propensity is a multiple of one in so many. Twice as many take twice the time, and change with the rates anyway. */
export const POOL_ROWS = 64;

/** The seed of a placement's draws under a version of the rates. */
export function poolSeed(placement: string, ratesVersion: number): number {
  return rehash32(ratesVersion, hash32(placement));
}
