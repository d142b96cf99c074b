import fc from "fast-check";
import { KNOWN_TYPES } from "../../src/events/event.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import type { FeatureFamily } from "../../src/features/feature-family.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** A Thursday at midnight UTC: a whole number of weeks after the epoch. */
export const START_MS = 2_800 * 7 * DAY_MS;

/** A view that shows nothing but its time. */
export function aFeatureEvent(given: Partial<FeatureEvent> = {}): FeatureEvent {
  return {
    tsMs: START_MS,
    typeCode: codeOf("view"),
    typeHash: 1,
    itemHash: 0,
    categoryHashes: [],
    keywordHashes: [],
    sentiment: Number.NaN,
    value: Number.NaN,
    peerHash: 0,
    inbound: false,
    cellHash: 0,
    referrerHash: 0,
    deviceHash: 0,
    campaignHash: 0,
    countryHash: 0,
    utcOffsetMinutes: 0,
    ...given,
  };
}

export function codeOf(type: (typeof KNOWN_TYPES)[number]): number {
  return KNOWN_TYPES.indexOf(type);
}

/** Folds events into a fresh state and reads it as of `atMs` (default: the newest event), by feature name. */
export function readAfter(
  family: FeatureFamily,
  events: readonly FeatureEvent[],
  atMs: number = Math.max(...events.map((event) => event.tsMs)),
): Record<string, number> {
  const slab = new Float64Array(family.slots);
  for (const event of events) family.fold(slab, 0, event);
  return readState(family, slab, atMs);
}

export function readState(family: FeatureFamily, slab: Float64Array, atMs: number): Record<string, number> {
  // As a Float32Array the reading would hide what happens behind the seventh digit.
  const out = new Float64Array(family.features.length);
  family.read(slab, 0, atMs, out as unknown as Float32Array, 0);
  return Object.fromEntries(family.features.map((name, i) => [name, out[i] ?? Number.NaN]));
}

const hash = fc.integer({ min: 1, max: 0xffff_ffff });

/** An event with few distinct keys, within what tables hold exactly, in a month. */
export const ordinaryEvent: fc.Arbitrary<FeatureEvent> = anEvent({
  tsMs: fc.integer({ min: 0, max: 30 * DAY_MS }).map((ms) => START_MS + ms),
  sentiment: fc.oneof(
    fc.constant(Number.NaN),
    fc.integer({ min: -10, max: 10 }).map((tenths) => tenths / 10),
  ),
  value: fc.oneof(
    fc.constant(Number.NaN),
    fc.integer({ min: 0, max: 500 }).map((cents) => cents / 4),
  ),
  key: fc.integer({ min: 1, max: 8 }),
});

const hostileNumber = fc.oneof(
  fc.constantFrom(1e308, -1e308, Number.MAX_VALUE, Number.MIN_VALUE, Infinity, -Infinity, -0, Number.NaN),
  fc.double(),
);

/** What a hostile sender can get past the gateway, and more. */
export const hostileEvent: fc.Arbitrary<FeatureEvent> = anEvent({
  tsMs: fc.oneof(
    fc.constantFrom(0, 1, START_MS, START_MS + 1, 8.64e15, -8.64e15),
    fc.double({ min: 0, max: 8.64e15, noNaN: true }),
  ),
  sentiment: hostileNumber,
  value: hostileNumber,
  key: hash,
});

function anEvent(of: {
  readonly tsMs: fc.Arbitrary<number>;
  readonly sentiment: fc.Arbitrary<number>;
  readonly value: fc.Arbitrary<number>;
  readonly key: fc.Arbitrary<number>;
}): fc.Arbitrary<FeatureEvent> {
  const keyOrNone = fc.oneof(fc.constant(0), of.key);
  return fc.record({
    tsMs: of.tsMs,
    typeCode: fc.integer({ min: -1, max: KNOWN_TYPES.length - 1 }),
    typeHash: hash,
    itemHash: keyOrNone,
    categoryHashes: fc.array(of.key, { maxLength: 32 }),
    keywordHashes: fc.array(of.key, { maxLength: 32 }),
    sentiment: of.sentiment,
    value: of.value,
    peerHash: keyOrNone,
    inbound: fc.boolean(),
    cellHash: keyOrNone,
    referrerHash: keyOrNone,
    deviceHash: keyOrNone,
    campaignHash: keyOrNone,
    countryHash: keyOrNone,
    utcOffsetMinutes: fc.integer({ min: -840, max: 840 }),
  });
}
