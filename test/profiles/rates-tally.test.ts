import fc from "fast-check";
import { expect, test } from "vitest";
import type { Outcome } from "../../src/content/content-rates.ts";
import { TRUST_GRID } from "../../src/content/feedback-trust.ts";
import { toRateChange } from "../../src/content/rate-change.ts";
import { decodeRatesRelease } from "../../src/content/rates-release.ts";
import { RATES } from "../../src/profiles/rates-tally.ts";
import type { Tally } from "../../src/profiles/tally.ts";

const START_MS = Date.UTC(2026, 0, 5);
const MINUTE_MS = 60_000;

const someChange = fc
  .record({
    placement: fc.constantFrom("home", "cart"),
    content: fc.constantFrom("a", "b"),
    kind: fc.constantFrom("shown", "clicked", "purchased"),
    minute: fc.nat(600),
    segment: fc.constantFrom("new", "loyal"),
    share: fc.constantFrom(1, 0.5, 0.25),
    timeoutMinutes: fc.constantFrom(1, 30, 90),
  })
  .map(({ minute, segment, share, timeoutMinutes, ...rest }) => {
    const who = { segments: [segment], shares: [share] };
    const outcome: Outcome = { ...rest, shownAtMs: START_MS + minute * MINUTE_MS + 7, who };
    return toRateChange(outcome, timeoutMinutes * MINUTE_MS);
  });
const someChanges = fc.array(someChange, { minLength: 1, maxLength: 80 });

/** The tally of what a store holds. @param rows - The store's; gets what changed. */
function restarted(tally: Tally, rows: Map<string, Uint8Array | undefined>): Tally {
  for (const [key, bytes] of tally.takeChanges()) rows.set(key, bytes);
  const again = RATES.open();
  for (const [key, bytes] of rows) again.restore(key, bytes ?? new Uint8Array());
  return again;
}

test("a copy that was restarted, anywhere, comes to the same bytes", () => {
  fc.assert(
    fc.property(someChanges, fc.nat(80), (changes, at) => {
      const whole = RATES.open();
      for (const change of changes) expect(whole.add(change)).toBe(true);
      let cut = RATES.open();
      const rows = new Map<string, Uint8Array | undefined>();
      for (const [i, change] of changes.entries()) {
        if (i === at) cut = restarted(cut, rows);
        cut.add(change);
      }
      for (const [key, bytes] of cut.takeChanges()) rows.set(key, bytes);
      expect(rows).toEqual(new Map(whole.takeChanges()));
      expect(cut.release()).toEqual(whole.release());
    }),
  );
});

test("a release is as of its newest impression, and what may still be clicked does not count", () => {
  const tally = RATES.open();
  const shown = (minute: number): Outcome => ({
    ...{ placement: "home", content: "a", kind: "shown", who: { segments: ["new"], shares: [1] } },
    shownAtMs: START_MS + minute * MINUTE_MS,
  });
  for (const minute of [0, 1, 60]) tally.add(toRateChange(shown(minute), 30 * MINUTE_MS));
  const { atMs, rates } = decodeRatesRelease(tally.release() ?? new Uint8Array());
  expect(atMs).toBe(START_MS + 60 * MINUTE_MS);
  const sums = new Float64Array(3);
  rates.readInto(sums, { placement: "home", content: "a", segment: "new" }, atMs, 30 * MINUTE_MS);
  expect(sums[0]).toBeCloseTo(2, 2);
  // It is not even there, to be counted later.
  rates.readInto(sums, { placement: "home", content: "a", segment: "new" }, atMs + 60 * MINUTE_MS, 0);
  expect(sums[0]).toBeCloseTo(2, 2);
});

test("what new members say of their ledgers is fitted, kept and released", () => {
  const tally = RATES.open();
  const losses = TRUST_GRID.map((weight) => Math.abs(weight - 0.4));
  for (let i = 0; i < 100; i++) {
    expect(decodeRatesRelease(tally.release() ?? new Uint8Array()).trust.size).toBe(0);
    expect(tally.add({ map: "life", losses })).toBe(true);
  }
  const again = restarted(tally, new Map());
  for (const one of [tally, again])
    expect(decodeRatesRelease(one.release() ?? new Uint8Array()).trust.get("life")).toBe(0.4);
  expect(tally.add({ map: "life", losses: losses.slice(1) })).toBe(false);
});

test.each([
  undefined,
  null,
  7,
  {},
  [],
  ["home", "a", "seen", 1, 1, [], []],
  ["home", "a", "shown", 1, 1, ["new"], []],
])("%j is no change", (change) => {
  const tally = RATES.open();
  expect(tally.add(change)).toBe(false);
  expect(tally.takeChanges()).toEqual([]);
});
