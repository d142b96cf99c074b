import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../src/events/limits.ts";
import { decodeEntries, encodeBehaviours, encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour, LogEntry } from "../../src/events/log-entry.ts";
import { encode } from "../../src/kernel/msgpack.ts";

/** A value under the format's first byte, as no writer of this build would put it. */
const written = (value: unknown): Uint8Array => Uint8Array.of(1, ...encode(value));
const word = fc.string({ minLength: 1, maxLength: 20 });
const key = fc.stringMatching(/^[a-z]{1,8}$/);
const withoutMinusZero = (value: number): number => value + 0;
const someBehaviour = fc.record(
  {
    kind: fc.constant("behaviour" as const),
    id: word,
    user: word,
    type: word,
    tsMs: fc.integer({ min: 0, max: 4e12 }),
    item: word,
    categories: fc.array(word, { maxLength: 4 }),
    keywords: fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 4 }),
    sentiment: fc.double({ min: -1, max: 1, noNaN: true }).map(withoutMinusZero),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }).map(withoutMinusZero),
    currency: word,
    peer: word,
    cell: word,
    context: fc.dictionary(key, fc.string({ unit: "grapheme", maxLength: 40 })),
    decision: word,
    feedback: fc.record({
      placement: word,
      map: word,
      content: word,
      chosenMs: fc.integer({ min: 0, max: 4e12 }),
      propensity: fc.double({ min: 0, max: 1, noNaN: true }).map(withoutMinusZero),
    }),
    traits: fc.dictionary(key, fc.oneof(word, fc.integer(), fc.boolean())),
    segments: fc.dictionary(key, fc.option(word)),
    consent: fc.dictionary(key, fc.boolean()),
  },
  { requiredKeys: ["kind", "id", "user", "type", "tsMs"], noNullPrototype: true },
);

test("a behaviour comes back as it was", () => {
  const holds = (entry: LogEntry) => {
    expect(decodeEntries(encodeEntry(entry))).toEqual([entry]);
  };
  fc.assert(fc.property(someBehaviour, holds));
});

test("behaviours come back in order from as few messages as the limits allow", () => {
  const large = { context: { text: "x".repeat(LIMITS.bundleBytes / 16) } };
  const some = fc.array(someBehaviour, { maxLength: 3 * LIMITS.bundleEvents });
  const holds = (behaviours: readonly Behaviour[], largeAt: number) => {
    const given = behaviours.map((one, i) => (i % 8 === largeAt ? { ...one, ...large } : one));
    const bundles = encodeBehaviours(given);
    expect(bundles.flatMap((bundle) => bundle.behaviours)).toEqual(given);
    expect(bundles.flatMap(({ data }) => decodeEntries(data))).toEqual(given);
    for (const [i, { behaviours, data }] of bundles.entries()) {
      expect(behaviours.length).toBeLessThanOrEqual(LIMITS.bundleEvents);
      const isFull = behaviours.length === LIMITS.bundleEvents || data.length >= LIMITS.bundleBytes;
      expect(isFull || i === bundles.length - 1).toBe(true);
    }
  };
  fc.assert(fc.property(some, fc.integer({ min: 0, max: 20 }), holds), { numRuns: 30 });
});

test("a behaviour that an earlier release packed is read, whatever widths it chose", () => {
  const row = [
    "e",
    "u",
    "view",
    1_767_225_600_000,
    null,
    ["shoes"],
    [7, 4_294_967_295],
    { traits: { orders: 3 } },
  ];
  expect(decodeEntries(written(row))).toEqual([
    {
      kind: "behaviour",
      id: "e",
      user: "u",
      type: "view",
      tsMs: 1_767_225_600_000,
      categories: ["shoes"],
      keywords: [7, 4_294_967_295],
      traits: { orders: 3 },
    },
  ]);
});

test("entries that were packed stay as they are while others are packed", () => {
  const entries = Array.from({ length: 1_000 }, (_, index): LogEntry => {
    const behaviour = { kind: "behaviour" as const, id: `e${index}`, user: "u", type: "view", tsMs: index };
    return { ...behaviour, context: { text: "x".repeat(index) } };
  });
  expect(entries.map(encodeEntry).flatMap(decodeEntries)).toEqual(entries);
});

test("minus zero is kept as zero", () => {
  const entry: LogEntry = { kind: "behaviour", id: "e", user: "u", type: "rate", tsMs: 1, value: -0 };
  expect(decodeEntries(encodeEntry(entry))).toEqual([{ ...entry, value: 0 }]);
});

test("control entries come back as they were", () => {
  const entries: LogEntry[] = [
    { kind: "encoder-prepared", encoder: "e1" },
    { kind: "encoder-activated", encoder: "e1", profiles: { life: 3 }, order: 9 },
    { kind: "profiles-activated", map: "life", version: 4, encoder: "e1" },
    { kind: "segments-activated", version: 2 },
  ];
  for (const entry of entries) expect(decodeEntries(encodeEntry(entry))).toEqual([entry]);
});

test("an activation of an encoder from before they were numbered is of order 0", () => {
  const entry = { kind: "encoder-activated", encoder: "e1", profiles: { life: 3 } };
  expect(decodeEntries(written(entry))).toEqual([{ ...entry, order: 0 }]);
});

test("bytes of another format and damaged bytes are told apart from entries", () => {
  const bytes = encodeEntry({ kind: "segments-activated", version: 2 });
  for (const damaged of [
    new Uint8Array(),
    Uint8Array.of(9, ...bytes.subarray(1)),
    bytes.subarray(0, 5),
    Uint8Array.of(1, 7),
    written(["id", "user", "view", 1]),
    written(["id", "user", "view", 1, null, null, null, null, null]),
    written({ kind: "of-a-newer-writer", version: 2 }),
    written({ kind: "toString" }),
    Uint8Array.of(2, ...encode([])),
    Uint8Array.of(2, ...encode([["id", "user", "view", 1]])),
    Uint8Array.of(2, ...encode([{ kind: "segments-activated", version: 2 }])),
  ]) {
    expect(() => decodeEntries(damaged)).toThrowError(
      expect.objectContaining({ code: "LOG_ENTRY_UNREADABLE" }),
    );
  }
});
