import { expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { calibrate, fitMap, withQuality } from "../../src/resonance/calibrate.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { HeldOutScores } from "../../src/resonance/held-out-scores.ts";
import { oneSampleEach, predictionOf } from "../../src/resonance/held-out-votes.ts";
import type { Calibration } from "../../src/resonance/published-profiles.ts";
import { gapOf, reliabilityCurve } from "../../src/resonance/reliability.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { segmentThresholds } from "../../src/resonance/segment-thresholds.ts";
import { heldOutWorld } from "./held-out-world.ts";

const PRECISE = { precision: 0.9, confidence: 0.95, minEvidence: 1 } as const;

function aMap(given: Partial<SegmentMap> = {}): SegmentMap {
  return {
    name: "taste",
    mode: "exclusive",
    segments: [{ name: "a" }, { name: "b" }, { name: "c" }],
    window: { bucketMs: 1_000, buckets: 1 },
    threshold: PRECISE,
    ...given,
  };
}

/** ECE of each segment's probability, over one sample a user. */
function errorBySegment(calibration: Calibration, heldOut: HeldOutScores): number[] {
  const predict = predictionOf(calibration, heldOut);
  const out = new Float64Array(heldOut.segments + 1);
  const samples = oneSampleEach(heldOut);
  return Array.from({ length: heldOut.segments }, (_, k) =>
    gapOf(
      reliabilityCurve(
        samples.map((sample) => {
          predict(sample, out);
          return { probability: out[k]!, isRight: heldOut.labels[sample] === k };
        }),
      ),
    ),
  );
}

test("a fit tells what it is for, and how reliable it is on held-out users, one vote each", () => {
  const fitted = calibrate("e1", aMap(), heldOutWorld({ users: 8_000 }));
  expect(fitted.segments).toEqual(["a", "b", "c"]);
  const { quality } = fitted;
  expect(quality).toMatchObject({ prior: "members", users: 8_000 });
  expect(quality?.reliability).toHaveLength(15);
  expect(quality?.reliability.reduce((sum, { n }) => sum + n, 0)).toBe(8_000);
  expect(quality?.ece).toBeLessThan(0.025);
  expect(quality?.curves.map(({ votes }) => votes)).toEqual([8_000, 8_000, 8_000]);
});

test("what the similarities exaggerate, and shares that the scorer has wrong, are put right by a fit", () => {
  const world = { kappa: [3, 3, 3], shift: [0, 0, 1.5], believed: [0.2, 0.2, 0.6] };
  const before = { ...defaultCalibration("e1", "taste", 3), kappa: [9, 9, 9, 9, 9], members: 1 };
  const after = fitMap("e1", aMap(), heldOutWorld({ users: 4_000, ...world }));
  const fresh = heldOutWorld({ users: 20_000, seed: 8, ...world });
  expect(withQuality(aMap(), before, fresh).quality?.ece).toBeGreaterThan(0.1);
  expect(withQuality(aMap(), after, fresh).quality?.ece).toBeLessThan(0.02);
});

test("independent segments that overlap get a sigmoid each: slope and intercept of their own", () => {
  const map = aMap({ mode: "independent" });
  const world = {
    mode: "independent",
    prior: [0.05, 0.08, 0.1],
    kappa: [1, 3, 5],
    shift: [0.5, 0, -0.5],
    overlap: 0.3,
  } as const;
  const fitted = fitMap("e1", map, heldOutWorld({ users: 6_000, ...world }));
  const slopes = fitted.slopes ?? [];
  expect(slopes[0]!).toBeLessThan(slopes[1]!);
  expect(slopes[1]!).toBeLessThan(slopes[2]!);
  const fresh = heldOutWorld({ users: 20_000, seed: 8, ...world });
  for (const error of errorBySegment(fitted, fresh)) expect(error).toBeLessThan(0.015);
  // One temperature for all, as before, was not enough.
  const { slopes: _, ...common } = fitted;
  const worst = Math.max(...errorBySegment({ ...common, intercepts: [0, 0, 0] }, fresh));
  expect(worst).toBeGreaterThan(0.03);
});

test("a segment of an independent map with next to no members keeps what all have in common", () => {
  const world = heldOutWorld({ users: 800, mode: "independent", prior: [0.4, 0.4, 0.002] });
  const { slopes = [], intercepts } = fitMap("e1", aMap({ mode: "independent" }), world);
  expect(Math.abs(slopes[2]! - 1)).toBeLessThan(0.5);
  expect(Math.abs(intercepts[2]!)).toBeLessThan(1);
});

test("thresholds by precision: off before a fit, on after it, each segment with its own", () => {
  const map = aMap();
  expect(segmentThresholds(map, undefined)).toEqual(
    Array.from({ length: 3 }, () => ({ enter: null, why: "not-fitted" })),
  );
  const rare = heldOutWorld({ users: 4_000, kappa: [14, 14, 0], prior: [0.6, 0.397, 0.003] });
  const [a, b, c] = segmentThresholds(map, calibrate("e1", map, rare)) ?? [];
  for (const threshold of [a, b]) {
    if (threshold?.enter == null) throw new Error("it can be told");
    expect(threshold.leave).toBeCloseTo(
      1 / (1 + Math.exp(0.7 - Math.log(threshold.enter / (1 - threshold.enter)))),
      12,
    );
    expect(threshold.minEvidence).toBe(1);
  }
  expect(c).toEqual({ enter: null, why: "precision-not-reached" });
});

test("well known users do not make up for new ones of whom too much is claimed", () => {
  const map = aMap();
  const heldOut = heldOutWorld({ users: 6_000, kappa: [12, 12, 12] });
  const random = seededRandom(4);
  // Of users of one event half of the labels are others than what they look like.
  const isNew = (sample: number) => heldOut.evidence[sample] === 1;
  const labels = heldOut.labels.map((label, sample) =>
    isNew(sample) && random() < 0.5 ? (label + 1) % 3 : label,
  );
  const calibration = { ...defaultCalibration("e1", "taste", 3), kappa: [12, 12, 12, 12, 12], members: 1 };
  const fitted = withQuality(map, calibration, { ...heldOut, labels });
  for (const curve of fitted.quality?.curves ?? []) {
    const index = 94; // A threshold of .95.
    expect(curve.correct[index]! / curve.accepted[index]!).toBeGreaterThan(0.85);
    expect(curve.ceiling?.[index]).toBeLessThan(0.6);
  }
  expect(segmentThresholds(map, fitted)?.map(({ enter }) => enter)).toEqual([null, null, null]);
  const threshold = { ...PRECISE, precision: 0.8 };
  const without = fitted.quality!.curves.map(({ ceiling: _, ...curve }) => curve);
  const blind = { ...fitted, quality: { ...fitted.quality!, curves: without } };
  expect(segmentThresholds({ ...map, threshold }, blind)?.[0]?.enter).not.toBeNull();
  expect(segmentThresholds({ ...map, threshold }, fitted)?.[0]?.enter).toBeNull();
});

test("users with less evidence than a threshold asks for prove nothing", () => {
  const map = aMap({ threshold: { ...PRECISE, minEvidence: 100 } });
  const fitted = calibrate("e1", map, heldOutWorld({ users: 1_000, kappa: [14, 14, 14] }));
  expect(segmentThresholds(map, fitted)?.map(({ enter }) => enter)).toEqual([null, null, null]);
});

test("one segment may have a threshold of its own; a map of plain ones needs no list", () => {
  const plain = { enter: 0.6, minEvidence: 2 };
  expect(segmentThresholds(aMap({ threshold: plain }), undefined)).toBeUndefined();
  const map = aMap({ threshold: plain, segments: [{ name: "a" }, { name: "b", threshold: PRECISE }] });
  expect(segmentThresholds(map, undefined)).toEqual([
    { enter: 0.6, leave: expect.closeTo(0.4269, 3), minEvidence: 2 },
    { enter: null, why: "not-fitted" },
  ]);
});

test("curves of the members' shares say nothing of a map that starts from the traffic's, and the other way round", () => {
  const map = aMap();
  const heldOut = heldOutWorld({ users: 3_000, kappa: [14, 14, 14] });
  const ofMembers = calibrate("e1", map, heldOut);
  const traffic = { ...map, prior: "traffic" } as const;
  const ofTraffic = withQuality(map, { ...ofMembers, prior: [0.2, 0.2, 0.5, 0.1] }, heldOut);
  const isOn = (thresholds: ReturnType<typeof segmentThresholds>) => thresholds?.[0]?.enter !== null;
  expect(isOn(segmentThresholds(map, ofMembers))).toBe(true);
  expect(isOn(segmentThresholds(traffic, ofMembers))).toBe(false);
  expect(isOn(segmentThresholds(traffic, ofTraffic))).toBe(true);
  expect(isOn(segmentThresholds(map, ofTraffic))).toBe(false);
});

test("what is measured of members under the traffic's shares is what traffic shows", () => {
  const prior = [0.6, 0.3, 0.1];
  const kappa = [5, 5, 5];
  const fitted = fitMap("e1", aMap(), heldOutWorld({ users: 10_000, prior, kappa, isLabelFirst: true }));
  const shares = [0.2, 0.3, 0.5];
  const shifted = { ...fitted, prior: [...shares.map((share) => share * 0.999999), 1e-6] };
  const members = withQuality(
    aMap(),
    shifted,
    heldOutWorld({ users: 40_000, prior, kappa, seed: 9, isLabelFirst: true }),
  ).quality;
  const world = {
    users: 20_000,
    kappa,
    seed: 10,
    prior: shares,
    believed: prior,
    isLabelFirst: true,
  } as const;
  const traffic = heldOutWorld(world);
  const shown = withQuality(aMap(), shifted, traffic).quality;
  expect(members?.ece).toBeLessThan(0.03);
  expect(members?.users).toBeLessThan(16_000);
  const at70 = (quality: typeof shown) =>
    quality?.curves.map(({ correct, accepted }) => correct[69]! / accepted[69]!) ?? [];
  for (const [k, precision] of at70(shown).entries())
    expect(Math.abs(precision - at70(members)[k]!)).toBeLessThan(0.04);
  // Under the members' shares it would be wrong there.
  expect(withQuality(aMap(), fitted, traffic).quality?.ece).toBeGreaterThan(0.1);
});
