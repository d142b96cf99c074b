import fc from "fast-check";
import { expect, test } from "vitest";
import { checkId } from "../../src/events/check-text.ts";
import { answerDigest, DecisionIds, type DecisionPlace } from "../../src/resonance/decision-id.ts";

const SECRET = [0x01234567, 0x89abcdef] as const;

const anyPlace = fc
  .record({
    kind: fc.constantFrom("known", "unknown", "session", "many"),
    key: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    lastSequence: fc.nat({ max: 2 ** 46 }),
    later: fc.nat({ max: 2 ** 46 }),
    atMs: fc.integer({ min: 0, max: 2 ** 46 }),
    map: fc.nat({ max: 63 }),
    digest: fc.nat({ max: 2 ** 30 - 1 }),
  })
  .map(({ later, ...place }): DecisionPlace => ({ ...place, applied: place.lastSequence + later }));

test("an id tells the place that it was made for, and whose it may be", () => {
  const ids = new DecisionIds(SECRET, "server");
  const holds = (place: DecisionPlace, user: string, other: string) => {
    const { isOf, ...told } = ids.read(ids.next(place, user));
    expect(told).toEqual(place);
    expect(isOf(user)).toBe(true);
    expect(isOf(`${other}-${user}`)).toBe(false);
  };
  fc.assert(fc.property(anyPlace, fc.string(), fc.string(), holds), { seed: 1 });
});

const PLACE: DecisionPlace = {
  kind: "known",
  key: 7,
  applied: 123_456,
  lastSequence: 123_400,
  atMs: 1_767_225_600_000,
  map: 1,
  digest: 4711,
};

test("an id is one that feedback may carry, differs each time, and does not show the user", () => {
  const ids = new DecisionIds(SECRET, "server");
  const made = Array.from({ length: 100 }, () => ids.next(PLACE, "ada"));
  expect(new Set(made).size).toBe(100);
  expect(new Set(made.map((id) => id.slice(34, 40))).size).toBeGreaterThan(95); // The trace changes, too.
  for (const id of made) {
    expect(checkId(id, "decision")).toBeUndefined();
    expect(id).toMatch(/^[A-Za-z0-9_-]{64}$/);
  }
});

test("any server with the secret reads an id, and none without it", () => {
  const id = new DecisionIds(SECRET, "one").next(PLACE, "ada");
  expect(new DecisionIds(SECRET, "another").read(id)).toMatchObject(PLACE);
  const stranger = new DecisionIds([1, 2], "one");
  expect(() => stranger.read(id)).toThrow(expect.objectContaining({ code: "BAD_DECISION" }));
});

test("what was mistyped, cut or made up is refused", () => {
  const ids = new DecisionIds(SECRET, "server");
  const id = ids.next(PLACE, "ada");
  const refusal = expect.objectContaining({ code: "BAD_DECISION", retryable: false });
  for (const wrong of [
    "",
    "d1",
    id.slice(0, -1),
    `${id}A`,
    `d2${id.slice(2)}`,
    "x".repeat(64),
    "é".repeat(64),
  ])
    expect(() => ids.read(wrong)).toThrow(refusal);
  for (let at = 0; at < id.length; at++) {
    const other = id[at] === "B" ? "C" : "B";
    const mistyped = id.slice(0, at) + other + id.slice(at + 1);
    expect(() => ids.read(mistyped), mistyped).toThrow(refusal);
  }
});

test("the digest of an answer depends on its last bits", () => {
  const probabilities = Float64Array.of(0.1, 0.2, 0.3, 0.4);
  const bits = new Uint32Array(probabilities.buffer);
  const digest = answerDigest(bits, 3);
  probabilities[0] = 0.1 + 2 ** -56;
  expect(answerDigest(bits, 3)).not.toBe(digest);
  probabilities[0] = 0.1;
  expect(answerDigest(bits, 3)).toBe(digest);
});
