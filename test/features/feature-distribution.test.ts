import { expect, test } from "vitest";
import { FEATURES } from "../../src/features/all-families.ts";
import {
  countFeatures,
  featureDistribution,
  featuresAfter,
  newCounts,
} from "../../src/features/feature-distribution.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { aFeatureEvent, HOUR_MS, START_MS } from "./some-events.ts";

test("every user is in one bin of every feature, and no bin between two edges is empty", () => {
  const given = histories(200);
  const { schema, users, edges, counts } = featureDistribution(given, FEATURES);
  expect([schema, users]).toEqual([FEATURES.version, 200]);
  expect(edges).toHaveLength(FEATURES.width);
  for (const [feature, row] of counts.entries()) {
    expect(row.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(row.every((count) => count > 0)).toBe(true);
    expect(edges[feature]).toEqual([...(edges[feature] ?? [])].sort((a, b) => a - b));
  }
});

test("the same users fall into the same bins again", () => {
  const given = histories(50);
  const { edges, counts } = featureDistribution(given, FEATURES);
  const again = newCounts(edges);
  for (const { events } of given) countFeatures(edges, featuresAfter(FEATURES, events), again);
  expect(again).toEqual(counts);
});

test("users without events are left out", () => {
  expect(featureDistribution([{ events: [] }, { events: [aFeatureEvent()] }], FEATURES).users).toBe(1);
});

/** Users who did something at different times, with different things. */
function histories(users: number) {
  const random = seededRandom(3);
  return Array.from({ length: users }, () => ({
    events: Array.from({ length: 1 + Math.floor(random() * 20) }, (_, i) =>
      aFeatureEvent({
        tsMs: START_MS + Math.floor((i + random()) * 7 * HOUR_MS),
        itemHash: 1 + Math.floor(random() * 50),
        value: random() < 0.3 ? random() * 100 : Number.NaN,
      }),
    ),
  }));
}
