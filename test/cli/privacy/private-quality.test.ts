import { expect, test } from "vitest";
import { entropyBits } from "../../../src/adapters/entropy.ts";
import { privateQuality } from "../../../src/cli/privacy/private-quality.ts";
import { drawPrivacyReport, drawPrivateRecording } from "../../../src/cli/view/draw-privacy.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { FEATURES } from "../../../src/features/all-families.ts";
import { toFeatureEvent } from "../../../src/features/to-feature-event.ts";
import { type Random, seededRandom } from "../../../src/kernel/random.ts";
import { fitRelease } from "../../../src/resonance/fit-release.ts";
import type { SegmentMap } from "../../../src/resonance/segment-map.ts";

const MAP: SegmentMap = {
  name: "taste",
  mode: "exclusive",
  segments: [{ name: "calm" }, { name: "wild" }],
  window: { bucketMs: 86_400_000, buckets: 7 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

const members = someHistories(400, seededRandom(1));
const masked = someHistories(200, seededRandom(2));
const release = fitRelease(members, [MAP], FEATURES, { seed: 1, dimMax: 16 });
const options = { delta: 1e-6, minMembers: 20, draws: 40, bits: entropyBits() };

test("hardly any noise changes nothing, much of it everything, and cosines are what is expected", () => {
  const given = { ...options, epsilons: [0.2, 1, 100], buckets: 1, contributions: 1 };
  const { cells, ...quality } = privateQuality(release, MAP, { members, masked }, given);
  const [much, some, little] = cells;
  expect(quality.segments.map((one) => one.members)).toEqual([200, 200]);
  expect(little?.auc.mean).toBeCloseTo(quality.auc, 2);
  expect(little?.shown).toBe(1);
  expect(much?.shown).toBeGreaterThan(0.5);
  for (const cell of [much, some, little])
    for (const { expected, measured } of cell?.segments ?? [])
      expect(Math.abs(measured.mean - expected)).toBeLessThan(
        0.05 + (4 * measured.deviation) / Math.sqrt(40),
      );
  expect(much?.segments[0]?.measured.mean).toBeLessThan(some?.segments[0]?.measured.mean ?? 0);
});

test("over a week by day the noise of a window is seven times that of one release, and few members are not shown", () => {
  const one = privateQuality(
    release,
    MAP,
    { members, masked },
    { ...options, epsilons: [1], buckets: 1, contributions: 1 },
  );
  const week = privateQuality(
    release,
    MAP,
    { members, masked },
    { ...options, epsilons: [1], buckets: 7, contributions: 7 },
  );
  expect((week.cells[0]?.windowNoise ?? 0) / (one.cells[0]?.windowNoise ?? 1)).toBeCloseTo(7, 1);
  expect(week.cells[0]?.leastCount).toBeCloseTo(305, 0);
  expect(week.cells[0]?.servedAuc.mean).toBeLessThan(0.6);
  const report = {
    events: 1,
    delta: 1e-6,
    buckets: 7,
    contributions: 7,
    draws: 40,
    splits: [{ ...week, seed: 1 }],
  };
  const drawn = drawPrivateRecording(report, 120).join("\n");
  expect(drawn).toContain("taste: AUC");
  expect(drawn).toContain("calm 200");
});

test("without private maps the report says what to do", () => {
  expect(drawPrivacyReport([], 100).join()).toContain('"privacy": {}');
});

test("a report tells the promise, what is spent, and each segment", () => {
  const drawn = drawPrivacyReport(
    [
      {
        map: "taste",
        epsilon: 1,
        delta: 1e-6,
        windowMs: 604_800_000,
        contributions: 3,
        window: { epsilon: 0.7, exact: 0.65, share: 0.5 },
        lifetime: { releases: 9, epsilon: 1.2 },
        refused: 1,
        buckets: 7,
        noise: 50,
        waiting: 0,
        sigma: 19,
        windowBuckets: 30,
        lifetimes: [{ buckets: 365, epsilon: 6.4 }],
        measured: {
          leastCount: 372.4,
          segments: [
            { segment: "calm", isShown: true, count: 512.5, exactCount: 500, expected: 0.91, measured: 0.93 },
          ],
          auc: { exact: 0.9, noisy: 0.88, members: 500 },
        },
      },
    ],
    120,
  ).join("\n");
  for (const told of [
    "epsilon 1,",
    "any 7 days",
    "50.0 % of the budget",
    "times less",
    "365: 6.40",
    "one who was not erased meanwhile",
    "from 373 contributions",
    "0.930",
  ])
    expect(drawn).toContain(told);
});

function someHistories(count: number, random: Random): History[] {
  return Array.from({ length: count }, (_, u) => ({
    user: `user-${u}`,
    labels: { taste: u % 2 === 0 ? "calm" : "wild" },
    events: Array.from({ length: 6 }, (_, i) => {
      const item =
        random() < 0.4 ? `own-${u % 2}-${Math.floor(random() * 6)}` : `common-${Math.floor(random() * 20)}`;
      const tsMs = Date.UTC(2026, 0, 1) + i * 60_000;
      return toFeatureEvent({
        kind: "behaviour",
        id: `${u}-${i}`,
        user: `user-${u}`,
        type: "view",
        tsMs,
        item,
      });
    }),
  }));
}
