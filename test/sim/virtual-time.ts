import type { Clock } from "../../src/kernel/clock.ts";

type Event = Readonly<{ atMs: number; order: number; act: () => void }>;

/**
 * Time that passes only when everything that could happen at a moment has happened: a run takes as long as its work,
 * and the same events come in the same order each time.
 */
export class VirtualTime implements Clock {
  readonly #events: Event[] = [];
  #order = 0;
  #nowMs = 0;
  #count = 0;
  readonly #beganMs: number;

  constructor(beganMs = Date.UTC(2026, 0, 5)) {
    this.#beganMs = beganMs;
  }

  nowMs(): number {
    return this.#beganMs + Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#count;
  }

  /** Calls back after a time. */
  after(ms: number, act: () => void): void {
    this.#push({ atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, act });
  }

  readonly sleep = (ms: number): Promise<void> => new Promise((resolve) => this.after(ms, resolve));

  /** Lets time pass until a condition holds. @returns Whether it did, before so many milliseconds were over. */
  async until(condition: () => boolean, maxMs: number): Promise<boolean> {
    const deadlineMs = this.#nowMs + maxMs;
    while (true) {
      await settled();
      if (condition()) return true;
      const next = this.#events[0];
      if (next === undefined || next.atMs > deadlineMs) {
        this.#nowMs = deadlineMs;
        return condition();
      }
      this.#pop();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#count++;
      next.act();
    }
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves once every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
