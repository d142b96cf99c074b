import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEntries, encodeBehaviours, encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { redactEntries, redactErasure } from "../../src/events/redact-entries.ts";
import { peerHashOf, toFeatureEvent } from "../../src/features/to-feature-event.ts";

const someBehaviours = fc.array(
  fc.record({
    user: fc.constantFrom("ada", "bob", "eve"),
    item: fc.string({ maxLength: 8 }),
    peer: fc.option(fc.constantFrom("ada", "bob"), { nil: undefined }),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  { minLength: 1, maxLength: 20 },
);

const without = (data: Uint8Array, ...users: string[]) =>
  redactEntries(data, { isGone: (user) => users.includes(user), peerHash: peerHashOf });

test("of a message the others' entries are left in their places, and fold as before", () => {
  const holds = (given: { user: string; item: string; peer: string | undefined; value: number }[]) => {
    const behaviours = given.map(
      ({ peer, ...rest }, i): Behaviour => ({
        kind: "behaviour",
        id: `e${i}`,
        type: "view",
        tsMs: 1_700_000_000_000 + i,
        ...rest,
        ...(peer === undefined ? {} : { peer }),
      }),
    );
    const [{ data } = { data: new Uint8Array() }] = encodeBehaviours(behaviours);
    const redacted = without(data, "ada");
    const isHit = given.some(({ user, peer }) => user === "ada" || peer === "ada");
    expect(redacted !== undefined).toBe(isHit);
    if (redacted === undefined) return;
    expect(redacted.users).toEqual(given.filter(({ user }) => user === "ada").map(({ user }) => user));
    expect(Buffer.from(redacted.data).includes("ada", 1)).toBe(
      given.some(({ item, user }) => user !== "ada" && item.includes("ada")),
    );
    const left = decodeEntries(redacted.data);
    const was = decodeEntries(data);
    expect(left.length).toBe(was.length);
    for (const [place, entry] of left.entries()) {
      const before = was[place] as Behaviour;
      if (before.user === "ada") expect(entry).toEqual({ kind: "redacted" });
      else expect(toFeatureEvent(entry as Behaviour)).toEqual(toFeatureEvent(before));
    }
    expect(without(redacted.data, "ada")).toBeUndefined();
  };
  fc.assert(fc.property(someBehaviours, holds));
});

test("a message that can't be read says so", () => {
  expect(() => without(Uint8Array.of(1, 0xa3, 97, 100, 97), "ada")).toThrow(/can't be read/);
});

test("an erasure's own entry is left until it is taken apart, and keeps the hash then", () => {
  const entry = { kind: "erase", id: "e1", hash: "0f", user: "ada", reason: "asked" } as const;
  const data = encodeEntry(entry);
  expect(without(data, "ada")).toBeUndefined();
  const left = redactErasure(data) ?? new Uint8Array();
  expect(decodeEntries(left)).toEqual([{ kind: "erase", id: "e1", hash: "0f", reason: "asked" }]);
  expect(redactErasure(left)).toBeUndefined();
});
