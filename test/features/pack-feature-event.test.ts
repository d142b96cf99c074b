import fc from "fast-check";
import { expect, test } from "vitest";
import { packFeatureEvent, unpackFeatureEvent } from "../../src/features/pack-feature-event.ts";
import { aFeatureEvent, hostileEvent, ordinaryEvent } from "./some-events.ts";

test("every event comes back as it was, from any address", () => {
  fc.assert(
    fc.property(fc.oneof(ordinaryEvent, hostileEvent), fc.nat({ max: 7 }), (event, offset) => {
      const packed = packFeatureEvent(event);
      const elsewhere = new Uint8Array(packed.length + 16).fill(0xff);
      elsewhere.set(packed, offset);
      expect(unpackFeatureEvent(elsewhere.subarray(offset, offset + packed.length))).toEqual(event);
    }),
    { numRuns: 500 },
  );
});

test("a view of one item with three categories takes 32 bytes", () => {
  const event = aFeatureEvent({ itemHash: 1, categoryHashes: [1, 2, 3] });
  expect(packFeatureEvent(event)).toHaveLength(32);
});

test("packed events do not share bytes", () => {
  const first = packFeatureEvent(aFeatureEvent({ itemHash: 1 }));
  packFeatureEvent(aFeatureEvent({ itemHash: 2 }));
  expect(unpackFeatureEvent(first).itemHash).toBe(1);
});

test("cut or overlong bytes are refused", () => {
  const packed = packFeatureEvent(aFeatureEvent({ itemHash: 1, categoryHashes: [1, 2, 3], value: 2 }));
  for (let length = 0; length < packed.length; length++) {
    expect(() => unpackFeatureEvent(packed.subarray(0, length))).toThrow(
      expect.objectContaining({ code: "RECORD_TRUNCATED" }),
    );
  }
  expect(() => unpackFeatureEvent(Uint8Array.of(...packed, 0))).toThrow(
    expect.objectContaining({ code: "RECORD_TRUNCATED" }),
  );
  expect(() => unpackFeatureEvent(new Uint8Array(100_000))).toThrow(
    expect.objectContaining({ code: "RECORD_TRUNCATED" }),
  );
});

test("more hashes than a byte counts are a bug", () => {
  const categoryHashes = Array.from({ length: 256 }, () => 1);
  expect(() => packFeatureEvent(aFeatureEvent({ categoryHashes }))).toThrow(
    expect.objectContaining({ code: "ASSERTION_FAILED" }),
  );
});
