import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { cellWidth } from "../../../src/cli/view/cell-width.ts";
import { drawQuality } from "../../../src/cli/view/profile-plots.ts";
import type { ProfilesReply } from "../../../src/gateway/describe-profiles.ts";

const CURVE = {
  threshold: [0.1, 0.5, 0.8, 0.9],
  share: [0.9, 0.5, 0.25, 0.1],
  precision: [0.4, 0.7, 0.93, 0.97],
  bound: [0.37, 0.66, 0.9, 0.91],
};

function aMap(segments: ProfilesReply["segments"]): ProfilesReply {
  return {
    map: "life",
    mode: "exclusive",
    version: 3,
    encoder: "e1",
    ageMs: 1,
    segments,
    background: 0,
    threshold: { precision: 0.9, confidence: 0.95, minEvidence: 1 },
    calibration: null,
    quality: {
      prior: "members",
      users: 1_234,
      logLoss: 0.5,
      ece: 0.0123,
      reliability: [
        { confidence: 0.3, observed: 0.28, n: 600 },
        { confidence: 0.9, observed: 0.92, n: 634 },
      ],
      curves: segments.map(({ segment }) => ({ segment, ...CURVE })),
    },
    overlap: [],
  };
}

const ON = { segment: "new", members: 40, threshold: { enter: 0.8, leave: 0.665 } };
const OFF = { segment: "loyal", members: 3, threshold: null, off: "too-few-accepted" } as const;

const drawn = (...given: Parameters<typeof drawQuality>): string[] =>
  drawQuality(...given).map(stripVTControlCharacters);

test("a segment shows its threshold and what it is worth there; one that is off says why", () => {
  const text = drawn(aMap([ON, OFF]), 80).join("\n");
  expect(text).toContain("ECE 0.012");
  expect(text).toContain("1,234 held-out users");
  expect(text).toContain("on at 0.80, off again below 0.67");
  expect(text).toContain("precision 0.93, at least 0.90; reaches 25.0 % of the users");
  expect(text).toContain("off: too few held-out users to prove the precision");
  expect(text).toContain("1.00 ┤");
  expect(text).toContain("   0 ┤");
});

test("drawings keep to the width of the terminal", () => {
  for (const columns of [40, 80, 200]) {
    const lines = drawn(aMap([ON, OFF]), columns).filter((line) => /[┤│▁-█⠀-⣿]/.test(line));
    for (const line of lines) expect(cellWidth(line)).toBeLessThanOrEqual(columns);
  }
});

test("of many segments those with most members are drawn, or those that are named", () => {
  const many = Array.from({ length: 30 }, (_, i) => ({ ...ON, segment: `s${i}`, members: i }));
  const text = drawn(aMap(many), 80).join("\n");
  expect(text).toContain("s29 ·");
  expect(text).not.toContain("s3 ·");
  expect(text).toContain("22 more segments");
  expect(drawn(aMap(many), 80, ["s3"]).join("\n")).toContain("s3 ·");
});

test("before a fit it says where curves come from", () => {
  expect(drawn({ ...aMap([ON]), quality: null }, 80)).toEqual([
    "life: no curves yet: they come with the first fit (resonance calibrate)",
  ]);
});
