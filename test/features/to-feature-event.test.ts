import { expect, test } from "vitest";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { codeOf } from "./some-events.ts";

function aBehaviour(given: Partial<Behaviour> = {}): Behaviour {
  return { kind: "behaviour", id: "e1", user: "ada", type: "view", tsMs: 1_700_000_000_000, ...given };
}

test("what a behaviour does not have is absent", () => {
  expect(toFeatureEvent(aBehaviour())).toEqual({
    tsMs: 1_700_000_000_000,
    typeCode: codeOf("view"),
    typeHash: expect.any(Number),
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
  });
});

test("the same name in another field is another thing", () => {
  const event = toFeatureEvent(
    aBehaviour({
      type: "shoes",
      item: "shoes",
      categories: ["shoes"],
      peer: "shoes",
      cell: "shoes",
      context: { referrer: "shoes", device: "shoes", campaign: "shoes", country: "shoes" },
    }),
  );
  const hashes = [
    event.typeHash,
    event.itemHash,
    ...event.categoryHashes,
    event.peerHash,
    event.cellHash,
    event.referrerHash,
    event.deviceHash,
    event.campaignHash,
    event.countryHash,
  ];
  expect(new Set(hashes).size).toBe(9);
  expect(hashes.every((hash) => hash > 0 && hash < 2 ** 32)).toBe(true);
});

test.for(["referrer", "device", "campaign", "country"])("context.%s has a field of its own", (key) => {
  const { referrerHash, deviceHash, campaignHash, countryHash } = toFeatureEvent(
    aBehaviour({ context: { [key]: "shoes" } }),
  );
  const fields = { referrer: referrerHash, device: deviceHash, campaign: campaignHash, country: countryHash };
  expect(Object.entries(fields).flatMap(([name, hash]) => (hash === 0 ? [] : [name]))).toEqual([key]);
});

test("a type that is not known by name has the code -1 and its own hash", () => {
  const event = toFeatureEvent(aBehaviour({ type: "wave" }));
  expect(event.typeCode).toBe(-1);
  expect(event.typeHash).not.toBe(toFeatureEvent(aBehaviour({ type: "nod" })).typeHash);
});

test("a type that ends in _received came from the peer", () => {
  expect(toFeatureEvent(aBehaviour({ type: "message_received", peer: "bob" })).inbound).toBe(true);
  expect(toFeatureEvent(aBehaviour({ type: "message", peer: "bob" })).inbound).toBe(false);
});

test("no more than 32 categories and keywords are kept", () => {
  const event = toFeatureEvent(
    aBehaviour({
      categories: Array.from({ length: 40 }, (_, i) => `c${i}`),
      keywords: Array.from({ length: 40 }, (_, i) => i + 1),
    }),
  );
  expect(event.categoryHashes).toHaveLength(32);
  expect(event.keywordHashes).toHaveLength(32);
});

test.for<[text: string, minutes: number]>([
  ["60", 60],
  ["-180", -180],
  ["-0", 0],
  ["", 0],
  ["+02:00", 0],
  ["1e9", 0],
  ["30.5", 0],
  ["841", 0],
])("utcOffset %j is %i minutes", ([text, minutes]) => {
  expect(toFeatureEvent(aBehaviour({ context: { utcOffset: text } })).utcOffsetMinutes).toBe(minutes);
});
