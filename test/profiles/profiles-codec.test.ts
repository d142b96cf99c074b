import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeProfiles, encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";

const plain = { noNullPrototype: true } as const;
const someNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0); // JSON has no -0.
const someName = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });

const somePublished: fc.Arbitrary<PublishedProfiles> = fc
  .record({ dim: fc.integer({ min: 1, max: 9 }), segments: fc.uniqueArray(someName, { maxLength: 5 }) })
  .chain(({ dim, segments }) => {
    const someCentroid = fc
      .array(fc.float({ noNaN: true }), { minLength: dim, maxLength: dim })
      .map((values) => Float32Array.from(values));
    const someProfiles = fc.tuple(
      ...segments.map((segment) =>
        fc.record({ segment: fc.constant(segment), members: fc.nat(), centroid: someCentroid }, plain),
      ),
    );
    const calibration = fc.record(
      {
        encoder: someName,
        map: someName,
        depthEnds: fc.array(someNumber, { maxLength: 5 }).map((ends) => [...ends, Number.POSITIVE_INFINITY]),
        kappa: fc.array(someNumber, { maxLength: 6 }),
        intercepts: fc.array(someNumber, { maxLength: 6 }),
        noneIntercept: someNumber,
        members: fc.nat(),
      },
      plain,
    );
    return fc.record(
      {
        map: someName,
        mode: fc.constantFrom("exclusive" as const, "independent" as const),
        version: fc.nat(),
        encoder: someName,
        dim: fc.constant(dim),
        watermarkMs: fc.nat({ max: 4e12 }),
        profiles: someProfiles,
        background: fc.nat(),
        calibration,
        threshold: fc.record({ enter: someNumber, minEvidence: someNumber }, plain),
      },
      plain,
    );
  });

test("profiles come back as they were, wherever their bytes begin", () => {
  const holds = (published: PublishedProfiles, offset: number) => {
    const bytes = encodeProfiles(published);
    const moved = new Uint8Array(bytes.length + offset);
    moved.set(bytes, offset);
    const read = decodeProfiles(moved.subarray(offset));
    expect(read).toEqual(published);
    moved.fill(0);
    expect(read).toEqual(published); // In memory of their own.
  };
  fc.assert(fc.property(somePublished, fc.integer({ min: 0, max: 7 }), holds));
});

test("the same profiles give the same bytes", () => {
  fc.assert(
    fc.property(somePublished, (published) => {
      expect(encodeProfiles(decodeProfiles(encodeProfiles(published)))).toEqual(encodeProfiles(published));
    }),
  );
});

test("bytes that are cut, too long or of something else are refused as corrupt", () => {
  const holds = (published: PublishedProfiles, cut: number) => {
    const bytes = encodeProfiles(published);
    const refused = expect.objectContaining({ code: "PROFILES_CORRUPT", retryable: false });
    for (const damaged of [
      bytes.subarray(0, Math.min(bytes.length - 1, cut)),
      Uint8Array.of(...bytes, 0),
      Uint8Array.of(0, ...bytes.subarray(1)),
    ]) {
      expect(() => decodeProfiles(damaged)).toThrowError(refused);
    }
  };
  fc.assert(fc.property(somePublished, fc.nat({ max: 2_000 }), holds));
});
