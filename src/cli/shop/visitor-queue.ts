import { assert } from "../../kernel/assert.ts";

/** Visitors in the order of their next action: a binary heap in typed arrays, so a million of them fit. */
export class VisitorQueue {
  readonly #dueMs: Float64Array;
  readonly #heap: Int32Array;

  /** @param dueMs - Epoch ms of each visitor's first action; copied. At least one. */
  constructor(dueMs: Float64Array) {
    assert(dueMs.length > 0, "a queue has a visitor");
    this.#dueMs = dueMs.slice();
    this.#heap = Int32Array.from({ length: dueMs.length }, (_, visitor) => visitor);
    for (let place = (dueMs.length >>> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** Who acts next. */
  get first(): number {
    return this.#at(0);
  }

  /** When the next one acts, epoch ms. */
  get firstMs(): number {
    return this.#due(this.#at(0));
  }

  /** Moves the first visitor to its following action. `dueMs` is not before the present one. */
  postponeFirst(dueMs: number): void {
    this.#dueMs[this.#at(0)] = dueMs;
    this.#sink(0);
  }

  #sink(from: number): void {
    const moved = this.#at(from);
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && this.#before(this.#at(child + 1), this.#at(child))) child++;
      if (!this.#before(this.#at(child), moved)) break;
      this.#heap[place] = this.#at(child);
      place = child;
    }
    this.#heap[place] = moved;
  }

  /** Equal times go by visitor, so that the order never depends on the heap's history. */
  #before(a: number, b: number): boolean {
    const dueA = this.#due(a);
    const dueB = this.#due(b);
    return dueA < dueB || (dueA === dueB && a < b);
  }

  #at(place: number): number {
    return this.#heap[place] ?? 0;
  }

  #due(visitor: number): number {
    return this.#dueMs[visitor] ?? 0;
  }
}
