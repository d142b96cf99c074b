import { expect, test } from "vitest";
import {
  accuracy,
  auc,
  balancedAccuracy,
  brierScore,
  calibrationError,
  calibrationErrorByChance,
  logLoss,
  logLossGain,
  macroAuc,
} from "../../src/resonance/metrics.ts";

const scores = [
  [0.7, 0.2, 0.1],
  [0.6, 0.3, 0.1],
  [0.1, 0.8, 0.1],
  [0.3, 0.3, 0.4],
];
const labels = [0, 1, 1, 2];

test("Brier, log-loss and calibration error are those of METHODS 2.5", () => {
  expect(brierScore(scores, labels)).toBeCloseTo(0.4, 12);
  expect(logLoss(scores, labels)).toBeCloseTo(0.6750205079, 9);
  expect(calibrationError(scores, labels, 10, "width")).toBeCloseTo(0.425, 12);
});

test("accuracy counts users, balanced accuracy counts classes", () => {
  expect(accuracy(scores, labels)).toBe(0.75);
  expect(balancedAccuracy(scores, labels)).toBeCloseTo((1 + 0.5 + 1) / 3, 12);
});

test("AUC is the chance that a positive ranks above a negative; a tie counts half", () => {
  expect(auc([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBe(0.75);
  expect(auc([1, 1], [true, false])).toBe(0.5);
  expect(auc([1, 2], [true, true])).toBeNaN();
});

test("macro AUC averages over the classes that occur", () => {
  expect(macroAuc(scores, labels, 3)).toBeCloseTo((1 + 0.875 + 1) / 3, 12);
  expect(macroAuc([[0.9, 0.1]], [0], 2)).toBeNaN();
});

test("bins of equal mass split users evenly, whatever their confidence", () => {
  const confident = Array.from({ length: 30 }, () => [0.9, 0.1]);
  const truth = Array.from({ length: 30 }, (_, i) => (i % 10 === 0 ? 1 : 0));
  expect(calibrationError(confident, truth, 3)).toBeCloseTo(0, 12);
});

test("users of one confidence are one to the calibration error, in whatever order they come", () => {
  const same = Array.from({ length: 30 }, () => [0.9, 0.1]);
  // 27 of 30 are right: as promised, though the three that are not come last.
  const sorted = Array.from({ length: 30 }, (_, i) => (i < 27 ? 0 : 1));
  expect(calibrationError(same, sorted, 15)).toBeCloseTo(0, 12);
});

test("chance alone shows a calibration error that falls with the square root of the users", () => {
  const sure = Array.from({ length: 400 }, () => [0.8, 0.2]);
  const [few, many] = [calibrationErrorByChance(sure.slice(0, 100), 10), calibrationErrorByChance(sure, 10)];
  expect(few / many).toBeCloseTo(2, 9);
  expect(few).toBeCloseTo(Math.sqrt((2 / Math.PI) * 0.16 * 10) * (10 / 100), 9);
});

test("the gain over another forecast is the mean difference of log-losses, with its standard error", () => {
  const even = labels.map(() => [1 / 3, 1 / 3, 1 / 3]);
  const gain = logLossGain(scores, even, labels);
  expect(gain.mean).toBeCloseTo(Math.log(3) - 0.6750205079, 9);
  expect(gain.standardError).toBeGreaterThan(0);
  expect(logLossGain(even, even, labels)).toEqual({ mean: 0, standardError: 0 });
});
