import { expect, test } from "vitest";
import { decodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { fitRelease } from "../../src/resonance/fit-release.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { DAY_MS, someHistories, someMaps, tinySchema } from "../embedding/build-histories.ts";

function mapsOf(segments: number, mode: SegmentMap["mode"] = "exclusive", map = "taste"): SegmentMap[] {
  return someMaps(segments, map).map(({ name, segments: names }) => ({
    name,
    mode,
    segments: names.map((segment) => ({ name: segment })),
    window: { bucketMs: DAY_MS, buckets: 7 },
    threshold: { enter: 0.5, minEvidence: 1 },
  }));
}

test("a release names one encoder, calibrates every map and reports on members it had not seen", () => {
  const release = fitRelease(someHistories({ users: 600, segments: 3 }), mapsOf(3), tinySchema, { seed: 1 });
  const encoder = linearEncoder(decodeArtefact(release.artefact), tinySchema);
  expect(encoder.version).toBe(release.version);
  expect(release.calibrations.map(({ map, encoder: version }) => [map, version])).toEqual([
    ["taste", release.version],
  ]);
  expect(release.report.members).toBe(600);
  const report = release.report.heldOut["taste"]!;
  expect(report.members).toBe(600);
  expect(report.auc).toBeGreaterThan(0.85);
  expect(report.logLoss).toBeLessThan(0.75 * report.priorLogLoss);
  expect(report.ece).toBeLessThan(0.1);
});

test("a hundred members of two segments are enough to start", () => {
  const { report } = fitRelease(someHistories({ users: 100, segments: 2 }), mapsOf(2), tinySchema, {
    seed: 1,
  });
  expect(report.heldOut["taste"]!.logLoss).toBeLessThan(report.heldOut["taste"]!.priorLogLoss);
});

test("labels by chance give a release that answers the prior", () => {
  for (const seed of [1, 2, 3]) {
    const histories = someHistories({ users: 700, segments: 2, preference: 0, seed });
    const { report, calibrations } = fitRelease(histories, mapsOf(2), tinySchema, { seed });
    expect(Math.abs(report.heldOut["taste"]!.auc! - 0.5)).toBeLessThan(0.08);
    expect(report.heldOut["taste"]!.logLoss).toBeLessThan(report.heldOut["taste"]!.priorLogLoss + 0.01);
    expect(Math.max(...calibrations[0]!.kappa)).toBeLessThan(1);
  }
});

test("the same members give the same release", () => {
  const histories = someHistories({ users: 120, segments: 2 });
  const release = () => fitRelease(histories, mapsOf(2), tinySchema, { seed: 5 });
  expect(release()).toEqual(release());
});

test("a map without members keeps the default calibration and has no report", () => {
  const histories = someHistories({ users: 120, segments: 2 });
  const maps = [...mapsOf(2), ...mapsOf(4, "exclusive", "empty")];
  const release = fitRelease(histories, maps, tinySchema, {});
  expect(release.calibrations.map(({ members }) => members)).toEqual([120, 0]);
  expect(Object.keys(release.report.heldOut)).toEqual(["taste"]);
});

test("independent maps are fitted too", () => {
  const release = fitRelease(
    someHistories({ users: 600, segments: 3 }),
    mapsOf(3, "independent"),
    tinySchema,
    {},
  );
  const [calibration] = release.calibrations;
  expect(calibration!.kappa.at(-1)).toBeGreaterThan(1);
  expect(calibration!.slopes).toHaveLength(3);
  const report = release.report.heldOut["taste"]!;
  expect(report.members).toBe(600);
  expect(report.auc).toBeGreaterThan(0.85);
  expect(report.logLoss).toBeLessThan(0.75 * report.priorLogLoss);
  expect(report.ece).toBeLessThan(0.05);
});

test("a release comes with what its thresholds are chosen by, and with what a later calibration needs", () => {
  const release = fitRelease(someHistories({ users: 600, segments: 3 }), mapsOf(3), tinySchema, { seed: 1 });
  const [calibration] = release.calibrations;
  expect(calibration).toMatchObject({ segments: ["segment-0", "segment-1", "segment-2"] });
  expect(calibration!.quality).toMatchObject({ prior: "members", users: 600 });
  expect(calibration!.quality!.curves).toHaveLength(3);
  expect(new Set(release.heldOut[0]!.users).size).toBe(600);
});

test("without two segments that have members there is nothing to fit", () => {
  const alone = someHistories({ users: 30, segments: 1 });
  const thrown = () => fitRelease(alone, mapsOf(2), tinySchema, {});
  expect(thrown).toThrow(expect.objectContaining({ code: "TOO_FEW_MEMBERS", retryable: false }));
});
