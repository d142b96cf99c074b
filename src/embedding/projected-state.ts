import { addScaledSingle, scale } from "./vector.ts";

/**
 * The state that both linear encoders keep of a user: time of the newest event, decayed number of events, and the
 * decayed sum of the events' projected tokens. Late events are decayed instead of the state, so that any order
 * gives the same sum.
 *
 * @see Cormode et al., "Forward Decay", ICDE 2009 (the exponential case).
 */
export const STATE = { atMs: 0, events: 1, sums: 2 } as const;

/**
 * Makes room for an event: brings the state forward to its time, or keeps the state where the event is late.
 *
 * @param slab - The state is in `slab[at .. at + 2 + width)`; all zero for a new user.
 * @returns The weight of the event's tokens, in (0, 1].
 */
export function admitEvent(
  slab: Float64Array,
  at: number,
  width: number,
  tsMs: number,
  halfLifeMs: number,
): number {
  const events = slab[at + STATE.events]!;
  if (events === 0) {
    slab[at + STATE.atMs] = tsMs;
    slab[at + STATE.events] = 1;
    return 1;
  }
  const laterMs = tsMs - slab[at + STATE.atMs]!;
  if (laterMs <= 0) {
    const weight = 2 ** (laterMs / halfLifeMs);
    slab[at + STATE.events] = events + weight;
    return weight;
  }
  scale(slab, at + STATE.events, width + 1, 2 ** (-laterMs / halfLifeMs));
  slab[at + STATE.atMs] = tsMs;
  slab[at + STATE.events]! += 1;
  return 1;
}

/** The weight in the state of an event that was admitted. */
export function heldWeight(slab: Float64Array, at: number, tsMs: number, halfLifeMs: number): number {
  return 2 ** ((tsMs - slab[at + STATE.atMs]!) / halfLifeMs);
}

/** Decayed events below this are what rounding left of none. */
const NO_EVENTS = 1e-9;

/** Makes a state that of another time, after events were taken out; that of a new user if none is left. */
export function turnBack(
  slab: Float64Array,
  at: number,
  width: number,
  newestMs: number,
  halfLifeMs: number,
): void {
  if (slab[at + STATE.events]! < NO_EVENTS) {
    slab.fill(0, at, at + STATE.sums + width);
    return;
  }
  scale(slab, at + STATE.events, width + 1, 2 ** ((slab[at + STATE.atMs]! - newestMs) / halfLifeMs));
  slab[at + STATE.atMs] = newestMs;
}

/** What is left at `atMs` of weight that the state holds; 1 at or before its newest event. */
export function leftAt(slab: Float64Array, at: number, atMs: number, halfLifeMs: number): number {
  const laterMs = atMs - slab[at + STATE.atMs]!;
  return laterMs > 0 ? 2 ** (-laterMs / halfLifeMs) : 1;
}

/** The decayed number of events as of `atMs`. */
export function decayedEvents(slab: Float64Array, at: number, atMs: number, halfLifeMs: number): number {
  const events = slab[at + STATE.events]!;
  return events === 0 ? 0 : events * leftAt(slab, at, atMs, halfLifeMs);
}

/** Adds one row of a projection to the sums. */
export function addRow(
  slab: Float64Array,
  at: number,
  table: Float32Array,
  row: number,
  width: number,
  weight: number,
): void {
  addScaledSingle(slab, at + STATE.sums, table, row * width, width, weight);
}

/** How new a visitor of so many events is, in (0, 2]: 1 after the first, next to nothing after fifty. */
export function noveltyOf(events: number): number {
  return 2 / (events + 1);
}
