import { expect, test } from "vitest";
import { readCorpus } from "../../src/embedding/corpus.ts";
import type { History } from "../../src/embedding/encoder.ts";
import { DEFAULT_FIT_OPTIONS } from "../../src/embedding/fit-options.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";

const MAPS = [{ name: "life", segments: ["a", "b"] }];

/** Users who came a minute after another. */
function visitors(count: number): History[] {
  return Array.from({ length: count }, (_, i) => {
    const view = { kind: "behaviour", id: `e${i}`, user: `u${i}`, type: "view", item: "x" } as const;
    const event = toFeatureEvent({ ...view, tsMs: Date.UTC(2026, 0, 1) + i * 60_000 });
    return { user: `u${i}`, labels: { life: i % 2 === 0 ? "a" : "b" }, events: [event] };
  });
}

test("users who came one after another are held out together, and every fold has some", () => {
  const corpus = readCorpus(visitors(640), MAPS, FEATURES, DEFAULT_FIT_OPTIONS);
  const came = (u: number): number => corpus.eventMs[corpus.eventsAt[u] ?? 0] ?? 0;
  const order = Array.from({ length: corpus.users }, (_, u) => u).sort((a, b) => came(a) - came(b));
  const foldOf = order.map((u) => corpus.foldOf[u]);
  const changes = foldOf.slice(1).filter((fold, i) => fold !== foldOf[i]).length;
  expect(changes).toBeLessThan(640 / 16); // By hash it would be three in four.
  expect(new Set(foldOf).size).toBe(DEFAULT_FIT_OPTIONS.folds);
});

test("a handful of users is dealt one by one", () => {
  const { foldOf } = readCorpus(visitors(24), MAPS, FEATURES, DEFAULT_FIT_OPTIONS);
  expect(new Set(foldOf).size).toBe(DEFAULT_FIT_OPTIONS.folds);
});
