import { PLACE_SCALE, type PointsFrame, PROBABILITY_SCALE, VISITORS_MAX } from "../../map-frame.ts";

/** Time constants of moving, ms: a point is there after three of them, and its tail follows it. */
const MOVE_MS = 160;
const TAIL_MS = 420;
/** How long a point shines after an event. */
const SHINE_MS = 900;
/** A point comes and goes in so many ms. */
const FADE_MS = 500;
/** Room for those who are on their way out, beside those who are shown. */
const SLOTS = VISITORS_MAX + 1_024;

/**
 * Where each visitor's point is at this moment, between what the node has told and what it tells next. In columns: a frame moves
 * thousands of them, and allocates nothing.
 */
export class PointField {
  /** Slots in use: those from here on hold nothing. */
  count = 0;
  readonly number = new Float64Array(SLOTS);
  /** Where it is drawn, and where its tail ends; in [-1, 1]. */
  readonly x = new Float32Array(SLOTS);
  readonly y = new Float32Array(SLOTS);
  readonly tailX = new Float32Array(SLOTS);
  readonly tailY = new Float32Array(SLOTS);
  /** Where it is going to. */
  readonly toX = new Float32Array(SLOTS);
  readonly toY = new Float32Array(SLOTS);
  /** Index of the strongest segment; -1 for none. */
  readonly segment = new Int16Array(SLOTS);
  readonly probability = new Float32Array(SLOTS);
  /** When the newest event was, by the page's clock, ms. */
  readonly eventMs = new Float64Array(SLOTS);
  /** From 1 right after an event to 0. */
  readonly shine = new Float32Array(SLOTS);
  /** From 0 for one that is not there to 1. */
  readonly presence = new Float32Array(SLOTS);
  readonly #isLeaving = new Uint8Array(SLOTS);
  readonly #slots = new Map<number, number>();

  /** Visitors that are shown and stay. */
  get shown(): number {
    return this.#slots.size;
  }

  /** The slot of a visitor; undefined if they are not shown. */
  slotOf(number: number): number | undefined {
    return this.#slots.get(number);
  }

  /**
   * Takes in what has changed.
   *
   * @param nowMs - Of the clock that {@link step} is given.
   * @param isStill - Points jump to their places instead of moving there.
   */
  take(
    frame: Pick<PointsFrame, "a" | "gone" | "n" | "p" | "s" | "x" | "y">,
    nowMs: number,
    isStill = false,
  ): void {
    for (const number of frame.gone) this.#leave(number);
    for (const [i, number] of frame.n.entries()) {
      const [x, y] = [(frame.x[i] ?? 0) / PLACE_SCALE, (frame.y[i] ?? 0) / PLACE_SCALE];
      const held = this.#slots.get(number);
      const slot = held ?? this.#enter(number, x, y);
      if (slot === undefined) continue; // More than a node tells.
      this.toX[slot] = x;
      this.toY[slot] = y;
      this.segment[slot] = frame.s[i] ?? -1;
      this.probability[slot] = (frame.p[i] ?? 0) / PROBABILITY_SCALE;
      const eventMs = nowMs - (frame.a[i] ?? 0);
      // All are told again when the ground changes: then nobody has done anything.
      if (eventMs > (this.eventMs[slot] ?? 0) + 1) this.shine[slot] = isStill ? 0 : 1;
      this.eventMs[slot] = eventMs;
      if (!isStill) continue;
      this.#put(slot, x, y);
      this.presence[slot] = 1;
    }
    if (isStill) this.#sweep((slot) => this.#isLeaving[slot] === 1);
  }

  /** Forgets all. */
  clear(): void {
    this.count = 0;
    this.#slots.clear();
  }

  /** Lets so many ms pass. */
  step(elapsedMs: number): void {
    const move = 1 - Math.exp(-elapsedMs / MOVE_MS);
    const follow = 1 - Math.exp(-elapsedMs / TAIL_MS);
    const dim = elapsedMs / SHINE_MS;
    const fade = elapsedMs / FADE_MS;
    let hasGone = false;
    for (let i = 0; i < this.count; i++) {
      this.x[i]! += (this.toX[i]! - this.x[i]!) * move;
      this.y[i]! += (this.toY[i]! - this.y[i]!) * move;
      this.tailX[i]! += (this.x[i]! - this.tailX[i]!) * follow;
      this.tailY[i]! += (this.y[i]! - this.tailY[i]!) * follow;
      this.shine[i] = Math.max(0, this.shine[i]! - dim);
      const isLeaving = this.#isLeaving[i] === 1;
      this.presence[i] = Math.min(1, Math.max(0, this.presence[i]! + (isLeaving ? -fade : fade)));
      if (isLeaving && this.presence[i] === 0) hasGone = true;
    }
    if (hasGone) this.#sweep((slot) => this.#isLeaving[slot] === 1 && this.presence[slot] === 0);
  }

  /** The slot of the point nearest to a place, no further away than that; undefined if there is none. */
  nearest(x: number, y: number, distanceMax: number): number | undefined {
    let found: number | undefined;
    let best = distanceMax * distanceMax;
    for (let i = 0; i < this.count; i++) {
      const squared = (this.x[i]! - x) ** 2 + (this.y[i]! - y) ** 2;
      if (squared > best || this.#isLeaving[i] === 1) continue;
      best = squared;
      found = i;
    }
    return found;
  }

  /** Visitors by their strongest segment; the last is those of none. */
  counts(segments: number): number[] {
    const counts = new Array<number>(segments + 1).fill(0);
    for (const slot of this.#slots.values()) {
      const segment = this.segment[slot] ?? -1;
      const place = segment < 0 || segment >= segments ? segments : segment;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    return counts;
  }

  /** Slots of those whose newest event is the newest, at most so many. */
  latest(limit: number): number[] {
    const slots = [...this.#slots.values()];
    return slots.sort((a, b) => (this.eventMs[b] ?? 0) - (this.eventMs[a] ?? 0)).slice(0, limit);
  }

  #enter(number: number, x: number, y: number): number | undefined {
    if (this.count === SLOTS) return undefined;
    const slot = this.count++;
    this.number[slot] = number;
    this.#slots.set(number, slot);
    this.#put(slot, x, y);
    this.presence[slot] = 0;
    this.shine[slot] = 0;
    this.eventMs[slot] = 0;
    this.#isLeaving[slot] = 0;
    return slot;
  }

  #put(slot: number, x: number, y: number): void {
    this.x[slot] = x;
    this.y[slot] = y;
    this.tailX[slot] = x;
    this.tailY[slot] = y;
  }

  #leave(number: number): void {
    const slot = this.#slots.get(number);
    if (slot === undefined) return;
    this.#slots.delete(number);
    this.#isLeaving[slot] = 1;
  }

  /** Frees slots; the last one in use takes the place of each. */
  #sweep(isFree: (slot: number) => boolean): void {
    const columns = [
      this.number,
      this.x,
      this.y,
      this.tailX,
      this.tailY,
      this.toX,
      this.toY,
      this.segment,
    ] as const;
    const more = [this.probability, this.eventMs, this.shine, this.presence, this.#isLeaving] as const;
    for (let slot = 0; slot < this.count; ) {
      if (!isFree(slot)) {
        slot++;
        continue;
      }
      const last = --this.count;
      for (const column of columns) column[slot] = column[last]!;
      for (const column of more) column[slot] = column[last]!;
      const number = this.number[slot]!;
      if (slot < last && this.#slots.get(number) === last) this.#slots.set(number, slot);
    }
  }
}
