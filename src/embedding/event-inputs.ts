import type { FeatureEvent } from "../features/feature-event.ts";
import type { ValueSplits } from "./event-tokens.ts";

/** Numbers of an event that are no tokens: sine and cosine of the user's hour, side of the value, sentiment. */
export const EVENT_NUMBERS = 4;
/** What a sequence network reads beside an event's token vector: its numbers, and two about the event before. */
export const EVENT_INPUTS = EVENT_NUMBERS + 2;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Two weeks in minutes on a logarithmic scale are about 10: the input stays near 1. */
const LOG_GAP_SCALE = 1 / 8;

/**
 * Writes an event's numbers, each in [-1, 1], 0 where the event says nothing.
 *
 * @param splits - Value at which an event of a type counts as high.
 */
export function writeEventNumbers(
  event: FeatureEvent,
  splits: ValueSplits,
  out: Float32Array,
  at: number,
): void {
  const hours = (event.tsMs + event.utcOffsetMinutes * MINUTE_MS) / HOUR_MS;
  const angle = (2 * Math.PI * (hours % 24)) / 24;
  out[at] = Math.sin(angle);
  out[at + 1] = Math.cos(angle);
  const split = Number.isNaN(event.value) ? undefined : splits.get(event.typeHash);
  out[at + 2] = split === undefined ? 0 : event.value >= split ? 1 : -1;
  out[at + 3] = Number.isNaN(event.sentiment) ? 0 : event.sentiment;
}

/** Writes what the time since the event before says: its logarithm, and whether there was none. */
export function writeGapInputs(gapMs: number, isFirst: boolean, out: Float32Array, at: number): void {
  out[at] = LOG_GAP_SCALE * Math.log1p(gapMs / MINUTE_MS);
  out[at + 1] = isFirst ? 1 : 0;
}
