import fc from "fast-check";
import { expect, test } from "vitest";
import { checkId } from "../../src/events/check-text.ts";
import {
  answerDigest,
  type ChosenContent,
  DecisionIds,
  type DecisionPlace,
} from "../../src/resonance/decision-id.ts";

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
    const { upcoming } = ids;
    const { isOf, chance, ...told } = ids.read(ids.next(place, user));
    expect(told).toEqual(place);
    expect(chance).toBe(upcoming);
    expect(isOf(user)).toBe(true);
    expect(isOf(`${other}-${user}`)).toBe(false);
  };
  fc.assert(fc.property(anyPlace, fc.string(), fc.string(), holds), { seed: 1 });
});

const anyChosen = fc.record({
  catalogue: fc.nat({ max: 2 ** 24 - 1 }),
  placement: fc.nat({ max: 2 ** 12 - 1 }),
  content: fc.option(fc.nat({ max: 2 ** 24 - 2 }), { nil: undefined }),
  arm: fc.nat({ max: 2 ** 12 - 1 }),
  propensity: fc.double({ min: 0, max: 1, noNaN: true }),
});

test("the id of a choice tells what was chosen, and how likely that was", () => {
  const ids = new DecisionIds(SECRET, "server");
  const holds = (place: DecisionPlace, chosen: ChosenContent) => {
    const id = ids.next({ ...place, chosen }, "ada");
    expect(id).toMatch(/^d2[A-Za-z0-9_-]{80}$/);
    const { isOf, chance: _, chosen: told, ...rest } = ids.read(id);
    expect(rest).toEqual(place);
    expect(told).toEqual({ ...chosen, propensity: told?.propensity });
    expect(Math.abs((told?.propensity ?? 2) - chosen.propensity)).toBeLessThanOrEqual(2 ** -37);
    expect(isOf("ada")).toBe(true);
    expect(ids.read(ids.next(place, "ada")).chosen).toBeUndefined();
  };
  fc.assert(fc.property(anyPlace, anyChosen, holds));
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
  const chosen = { catalogue: 3, placement: 1, content: 2, arm: 0, propensity: 0.5 };
  for (const whole of [id, ids.next({ ...PLACE, chosen }, "ada")]) {
    for (let at = 0; at < whole.length; at++) {
      const other = whole[at] === "B" ? "C" : "B";
      const mistyped = whole.slice(0, at) + other + whole.slice(at + 1);
      expect(() => ids.read(mistyped), mistyped).toThrow(refusal);
    }
    expect(() => ids.read(`d${whole.startsWith("d1") ? 2 : 1}${whole.slice(2)}`)).toThrow(refusal);
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
