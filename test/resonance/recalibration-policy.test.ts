import { expect, test } from "vitest";
import {
  type LastCalibration,
  type RecalibrationState,
  recalibrationStep,
} from "../../src/resonance/recalibration-policy.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

function step(given: Partial<RecalibrationState> = {}, last: Partial<LastCalibration> | "none" = {}): string {
  const held = { encoder: "e1", watermarkMs: 100, atMs: 0, isComplete: true };
  const state = { nowMs: DAY_MS, encoder: "e1", watermarkMs: 200, hasTraffic: false };
  return recalibrationStep(
    { ...state, last: last === "none" ? undefined : { ...held, ...last }, ...given },
    DAY_MS,
  );
}

test("calibrations are fitted again after the time, if members did anything", () => {
  expect(step()).toBe("calibrate");
  expect(step({ nowMs: DAY_MS - 1 })).toBe("wait");
  expect(step({ watermarkMs: 100 })).toBe("wait");
});

test("without members there is nothing to fit", () => {
  expect(step({ encoder: "" })).toBe("wait");
  expect(step({ watermarkMs: 0 }, "none")).toBe("wait");
});

test("a new encoder came with calibrations: its time begins", () => {
  expect(step({}, "none")).toBe("begin");
  expect(step({ encoder: "e2" })).toBe("begin");
});

test("the traffic's shares come with no fit: they are asked for at once, and again while there are too few users", () => {
  expect(step({ hasTraffic: true, nowMs: 1, encoder: "e2" })).toBe("calibrate");
  expect(step({ hasTraffic: true, nowMs: 1 }, "none")).toBe("calibrate");
  expect(step({ hasTraffic: true, nowMs: 9 * MINUTE_MS }, { isComplete: false })).toBe("wait");
  expect(step({ hasTraffic: true, nowMs: 10 * MINUTE_MS }, { isComplete: false })).toBe("calibrate");
  expect(step({ nowMs: 10 * MINUTE_MS }, { isComplete: false })).toBe("wait");
});
