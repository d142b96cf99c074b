import { KNOWN_TYPES } from "../events/event.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { hash32 } from "../kernel/hash.ts";
import type { FeatureEvent } from "./feature-event.ts";

/** Each field hashes on its own: an item and a category of the same name are two things. */
const SEEDS = {
  type: 11,
  item: 12,
  category: 13,
  peer: 14,
  cell: 15,
  referrer: 16,
  device: 17,
  campaign: 18,
  country: 19,
} as const;
const TYPE_CODES: ReadonlyMap<string, number> = new Map(KNOWN_TYPES.map((type, code) => [type, code]));
const INBOUND_SUFFIX = "_received";
const NONE: readonly number[] = [];
/** What a FeatureEvent may carry; the gateway refuses more, and a log written by an older one is cut. */
const HASHES_MAX = 32;
const UTC_OFFSET_MINUTES_MAX = 14 * 60;

/**
 * A behaviour as numbers: what features, encoders and the ring of recent events work with. A context key other than
 * `referrer`, `device`, `campaign`, `country` and `utcOffset` (minutes) has no part in it.
 */
export function toFeatureEvent(behaviour: Behaviour): FeatureEvent {
  const { type, context } = behaviour;
  return {
    tsMs: behaviour.tsMs,
    typeCode: TYPE_CODES.get(type) ?? -1,
    typeHash: hashOf(type, SEEDS.type),
    itemHash: hashOf(behaviour.item, SEEDS.item),
    categoryHashes: behaviour.categories === undefined ? NONE : hashesOf(behaviour.categories),
    keywordHashes: atMost(behaviour.keywords ?? NONE),
    sentiment: behaviour.sentiment ?? Number.NaN,
    value: behaviour.value ?? Number.NaN,
    peerHash: behaviour.peerHash ?? peerHashOf(behaviour.peer),
    inbound: type.endsWith(INBOUND_SUFFIX),
    cellHash: hashOf(behaviour.cell, SEEDS.cell),
    referrerHash: hashOf(context?.["referrer"], SEEDS.referrer),
    deviceHash: hashOf(context?.["device"], SEEDS.device),
    campaignHash: hashOf(context?.["campaign"], SEEDS.campaign),
    countryHash: hashOf(context?.["country"], SEEDS.country),
    utcOffsetMinutes: offsetOf(context?.["utcOffset"]),
  };
}

/** What stands for a peer in features; 0 for none. */
export function peerHashOf(peer: string | undefined): number {
  return hashOf(peer, SEEDS.peer);
}

function hashOf(text: string | undefined, seed: number): number {
  return text === undefined ? 0 : hash32(text, seed) || 1;
}

function hashesOf(categories: readonly string[]): number[] {
  const hashes: number[] = [];
  for (let i = 0; i < categories.length && i < HASHES_MAX; i++) {
    hashes.push(hashOf(categories[i], SEEDS.category));
  }
  return hashes;
}

function atMost(hashes: readonly number[]): readonly number[] {
  return hashes.length <= HASHES_MAX ? hashes : hashes.slice(0, HASHES_MAX);
}

/** Minutes ahead of UTC: `-180`, `60`. What is no such number is not known. */
function offsetOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const minutes = Number(text);
  return Number.isInteger(minutes) && Math.abs(minutes) <= UTC_OFFSET_MINUTES_MAX ? minutes | 0 : 0;
}
