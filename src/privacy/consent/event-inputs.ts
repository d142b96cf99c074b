import type { FeatureEvent } from "../../features/feature-event.ts";

/**
 * What of an event can be left out of it, by bit, and the family of features that answers for it: where that family may not be,
 * its input is not stored. Time, type and item are what an event is.
 */
export const INPUTS = {
  cell: { bit: 1, owner: "place" },
  peer: { bit: 2, owner: "partners" },
  keywords: { bit: 4, owner: "keywords" },
  sentiment: { bit: 8, owner: "mood" },
  value: { bit: 16, owner: "commerce" },
  categories: { bit: 32, owner: "categories" },
  context: { bit: 64, owner: "origin" },
  utcOffset: { bit: 128, owner: "rhythm" },
} as const;

export type Input = keyof typeof INPUTS;

/** What each family reads beside time and type. Families left out read nothing else. */
export const FAMILY_INPUTS: Readonly<Record<string, readonly Input[]>> = {
  rhythm: ["utcOffset"],
  categories: ["categories"],
  keywords: ["keywords"],
  mood: ["sentiment"],
  partners: ["peer"],
  commerce: ["value"],
  ratings: ["value"],
  place: ["cell"],
  origin: ["context"],
  changes: ["cell", "context"],
};

/** Families that see nothing in an event without their inputs; others read its time or type as well. */
export const SEEN_BY_INPUTS: readonly string[] = [
  "categories",
  "keywords",
  "mood",
  "partners",
  "place",
  "origin",
];

const NONE: readonly number[] = [];

/**
 * Takes inputs out of an event, in place.
 *
 * @param inputs - Bits of {@link INPUTS}.
 * @returns Bits of those that the event had.
 */
export function withoutInputs(event: FeatureEvent, inputs: number): number {
  let had = 0;
  if ((inputs & INPUTS.cell.bit) !== 0 && event.cellHash !== 0) {
    event.cellHash = 0;
    had |= INPUTS.cell.bit;
  }
  if ((inputs & INPUTS.peer.bit) !== 0 && event.peerHash !== 0) {
    event.peerHash = 0;
    had |= INPUTS.peer.bit;
  }
  if ((inputs & INPUTS.keywords.bit) !== 0 && event.keywordHashes.length > 0) {
    event.keywordHashes = NONE;
    had |= INPUTS.keywords.bit;
  }
  if ((inputs & INPUTS.sentiment.bit) !== 0 && !Number.isNaN(event.sentiment)) {
    event.sentiment = Number.NaN;
    had |= INPUTS.sentiment.bit;
  }
  if ((inputs & INPUTS.value.bit) !== 0 && !Number.isNaN(event.value)) {
    event.value = Number.NaN;
    had |= INPUTS.value.bit;
  }
  if ((inputs & INPUTS.categories.bit) !== 0 && event.categoryHashes.length > 0) {
    event.categoryHashes = NONE;
    had |= INPUTS.categories.bit;
  }
  if ((inputs & INPUTS.context.bit) !== 0 && withoutContext(event)) had |= INPUTS.context.bit;
  if ((inputs & INPUTS.utcOffset.bit) !== 0 && event.utcOffsetMinutes !== 0) {
    event.utcOffsetMinutes = 0;
    had |= INPUTS.utcOffset.bit;
  }
  return had;
}

function withoutContext(event: FeatureEvent): boolean {
  const { referrerHash, deviceHash, campaignHash, countryHash } = event;
  if ((referrerHash | deviceHash | campaignHash | countryHash) === 0) return false;
  event.referrerHash = 0;
  event.deviceHash = 0;
  event.campaignHash = 0;
  event.countryHash = 0;
  return true;
}
