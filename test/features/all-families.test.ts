import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ALL_FAMILIES, FEATURES } from "../../src/features/all-families.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import type { FeatureFamily } from "../../src/features/feature-family.ts";
import { DAY_MS, hostileEvent, ordinaryEvent, readAfter, readState, START_MS } from "./some-events.ts";

/** No feature grows beyond a logarithm of the largest time, amount or rate. */
const READING_MAX = 60;
const GUARD = 12_345.678;
const families = ALL_FAMILIES.map((family): [name: string, family: FeatureFamily] => [family.name, family]);
const orderIndependent = families.filter(([, family]) => family.orderIndependent);
const orderSensitive = families.filter(([, family]) => !family.orderIndependent);

test("names of families and of features are unique", () => {
  expect(new Set(ALL_FAMILIES.map((family) => family.name)).size).toBe(ALL_FAMILIES.length);
  expect(new Set(FEATURES.features).size).toBe(FEATURES.width);
});

test("the state of a user stays below 400 numbers", () => {
  expect(FEATURES.slots).toBeLessThan(400);
});

test("the schema reads what its families read, each from its own slots", () => {
  fc.assert(
    fc.property(fc.array(ordinaryEvent, { maxLength: 20 }), fc.nat({ max: 3 }), (events, at) => {
      const slab = new Float64Array(at + FEATURES.slots);
      for (const event of events) FEATURES.fold(slab, at, event);
      const together = new Float32Array(FEATURES.width).fill(Number.NaN);
      FEATURES.read(slab, at, START_MS + 40 * DAY_MS, together);
      const apart = ALL_FAMILIES.flatMap((family) => {
        const own = new Float64Array(family.slots);
        for (const event of events) family.fold(own, 0, event);
        return Object.values(readState(family, own, START_MS + 40 * DAY_MS));
      });
      expect([...together]).toEqual(apart.map((value) => Math.fround(value)));
    }),
  );
});

test("docs/features.md explains every feature, and says of each whether the order matters", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/features.md"), "utf8");
  const explained = new Map<string, string>();
  for (const [, names = "", inAnyOrder = ""] of text.matchAll(
    /^\| `(\w+\.\w+\*?)` \|.*\| (yes|no)[^|]* \|$/gm,
  )) {
    const isNamed = (name: string) =>
      names.endsWith("*") ? name.startsWith(names.slice(0, -1)) : name === names;
    const named = FEATURES.features.filter(isNamed);
    expect(named, names).not.toEqual([]);
    for (const name of named) explained.set(name, inAnyOrder);
  }
  for (const { name, features, orderIndependent, slots } of ALL_FAMILIES) {
    for (const feature of features) {
      expect([name, feature, explained.get(`${name}.${feature}`)]).toEqual([
        name,
        feature,
        orderIndependent ? "yes" : "no",
      ]);
    }
    expect(text).toContain(`| ${name} | ${slots} |`);
  }
  expect(text).toContain(`${FEATURES.width} features`);
  expect(text).toContain(`${FEATURES.slots} numbers`);
});

describe.for(families)("%s", ([, family]) => {
  test("a user of whom nothing is known reads zeros", () => {
    const reading = readState(family, new Float64Array(family.slots), START_MS);
    for (const [name, value] of Object.entries(reading)) expect([name, value + 0]).toEqual([name, 0]);
  });

  test("whatever a sender writes, it reads finite and bounded numbers", () => {
    fc.assert(
      fc.property(fc.array(hostileEvent, { minLength: 1, maxLength: 60 }), (events) => {
        const newestMs = Math.max(0, ...events.map((event) => event.tsMs));
        for (const atMs of [newestMs, newestMs + 100 * 365 * DAY_MS]) {
          expectBounded(readAfter(family, events, atMs));
        }
      }),
    );
  });

  test("a thousand events at one instant are as good as any", () => {
    fc.assert(
      fc.property(hostileEvent, (event) => {
        const events = Array.from({ length: 1_000 }, () => event);
        expectBounded(readAfter(family, events, Math.max(0, event.tsMs)));
      }),
      { numRuns: 10 },
    );
  });

  test("it touches its own slots only, and reads without a trace", () => {
    fc.assert(
      fc.property(fc.array(hostileEvent, { maxLength: 40 }), (events) => {
        const slab = new Float64Array(family.slots + 2);
        slab[0] = GUARD;
        slab[family.slots + 1] = GUARD;
        for (const event of events) family.fold(slab, 1, event);
        const folded = slab.slice();
        const out = new Float32Array(family.features.length + 2).fill(7);
        family.read(slab, 1, 8.64e15, out, 1);
        expect(slab).toEqual(folded);
        expect([slab[0], slab.at(-1)]).toEqual([GUARD, GUARD]);
        expect([out[0], out.at(-1)]).toEqual([7, 7]);
      }),
    );
  });

  test("its first slot is the time of the newest event it saw, and 0 as long as it saw none", () => {
    fc.assert(
      fc.property(fc.array(ordinaryEvent, { maxLength: 10 }), (events) => {
        const slab = new Float64Array(family.slots);
        let newestMs = 0;
        for (const event of events) {
          const before = slab.slice();
          family.fold(slab, 0, event);
          if (before.some((slot, i) => slot !== slab[i])) newestMs = Math.max(newestMs, event.tsMs);
          expect(slab[0]).toBe(newestMs);
        }
      }),
    );
  });

  test("the same events give the same bytes, whatever else was folded in between", () => {
    fc.assert(
      fc.property(fc.array(ordinaryEvent, { maxLength: 40 }), fc.array(ordinaryEvent), (events, others) => {
        const alone = new Float64Array(family.slots);
        for (const event of events) family.fold(alone, 0, event);
        const beside = new Float64Array(family.slots);
        const other = new Float64Array(family.slots);
        for (const [i, event] of events.entries()) {
          const neighbour = others[i];
          if (neighbour !== undefined) family.fold(other, 0, neighbour);
          family.fold(beside, 0, event);
        }
        expect(new Uint8Array(beside.buffer)).toEqual(new Uint8Array(alone.buffer));
      }),
    );
  });
});

test.for(orderIndependent)("%s: the order of arrival does not change the reading", ([, family]) => {
  const batch = fc.array(ordinaryEvent, { minLength: 1, maxLength: 60 });
  const shuffled = batch.chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
  );
  fc.assert(fc.property(shuffled, ([events, reordered]) => expectSame(family, events, reordered)));
});

test.for(orderSensitive)("%s: an event older than the newest one is passed over", ([, family]) => {
  fc.assert(
    fc.property(fc.array(ordinaryEvent, { maxLength: 40 }), ordinaryEvent, (events, late) => {
      const ordered = events.toSorted((a, b) => a.tsMs - b.tsMs);
      // The newest one shows a device, so that it is the newest to every family.
      const newest = { ...late, tsMs: START_MS + 31 * DAY_MS, deviceHash: 1 };
      const before = { ...late, tsMs: newest.tsMs - 1 };
      expectSame(family, [...ordered, newest], [...ordered, newest, before]);
    }),
  );
});

function expectSame(family: FeatureFamily, some: readonly FeatureEvent[], other: readonly FeatureEvent[]) {
  const atMs = START_MS + 40 * DAY_MS;
  const expected = readAfter(family, some, atMs);
  for (const [name, value] of Object.entries(readAfter(family, other, atMs))) {
    expect(Math.abs(value - (expected[name] ?? Number.NaN)), name).toBeLessThanOrEqual(1e-9);
  }
}

function expectBounded(reading: Readonly<Record<string, number>>) {
  for (const [name, value] of Object.entries(reading)) {
    expect(Math.abs(value), name).toBeLessThanOrEqual(READING_MAX); // False for NaN too.
  }
}
