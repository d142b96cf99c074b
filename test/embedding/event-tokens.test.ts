import { expect, test } from "vitest";
import { TOKEN_GROUPS, TOKENS_MAX, tokenBuffer, writeTokens } from "../../src/embedding/event-tokens.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import { anEvent } from "./build-histories.ts";

const RATE = 5;
const noSplits = new Map<number, number>();

function tokensOf(event: FeatureEvent, splits: ReadonlyMap<number, number> = noSplits) {
  const buffer = tokenBuffer();
  const count = writeTokens(event, splits, buffer);
  return Array.from({ length: count }, (_, i) => ({ hash: buffer.hashes[i]!, group: buffer.groups[i]! }));
}

test("an item, a category and a keyword of the same hash are three tokens", () => {
  const tokens = tokensOf(anEvent({ itemHash: 7, categoryHashes: [7], keywordHashes: [7] }));
  expect(new Set(tokens.map(({ hash }) => hash)).size).toBe(tokens.length);
});

test("what is absent makes no token", () => {
  expect(tokensOf(anEvent({ typeHash: 0 }))).toEqual([]);
});

test("a view is its item; a purchase says besides that it was bought", () => {
  const deeds = (typeCode: number) =>
    tokensOf(anEvent({ itemHash: 7, typeCode })).filter(({ group }) => group === TOKEN_GROUPS.deed).length;
  expect(deeds(0)).toBe(0);
  expect(deeds(3)).toBe(1);
});

test("the same item rated high and rated low are two deeds", () => {
  const rated = (value: number) => {
    const event = anEvent({ itemHash: 7, typeCode: RATE, typeHash: 99, value });
    return tokensOf(event, new Map([[99, 4]])).find(({ group }) => group === TOKEN_GROUPS.deed)?.hash;
  };
  expect(rated(5)).toBe(rated(4));
  expect(rated(5)).not.toBe(rated(3));
});

test("the fullest event fits the buffer", () => {
  const hashes = Array.from({ length: 32 }, (_, i) => i + 1);
  const full = anEvent({
    ...{ itemHash: 1, peerHash: 1, typeCode: 3, categoryHashes: hashes, keywordHashes: hashes },
    ...{ cellHash: 1, referrerHash: 1, deviceHash: 1, campaignHash: 1, countryHash: 1 },
  });
  expect(tokensOf(full)).toHaveLength(TOKENS_MAX);
});
