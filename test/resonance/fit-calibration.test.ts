import { expect, test } from "vitest";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { DEPTH_ENDS } from "../../src/resonance/default-calibration.ts";
import { fitCalibration } from "../../src/resonance/fit-calibration.ts";
import type { HeldOutScores } from "../../src/resonance/held-out-scores.ts";
import { logLoss } from "../../src/resonance/metrics.ts";
import type { Calibration } from "../../src/resonance/published-profiles.ts";

const of = { encoder: "linear-1", map: "taste" };
const DEPTHS = [1, 4, 8, 20, 60];

/**
 * Users whose labels are drawn from the very model that the calibration fits.
 *
 * @param given.kappa - True inverse temperature for each depth.
 */
function drawn(given: {
  users: number;
  kappa: readonly number[];
  prior?: readonly number[];
  shift?: readonly number[];
  background?: number;
  mode?: "exclusive" | "independent";
}): HeldOutScores {
  const { users, kappa, prior = [0.6, 0.3, 0.1], mode = "exclusive", background = 0 } = given;
  const shift = given.shift ?? prior.map(() => 0);
  const K = prior.length;
  const random = seededRandom(11);
  const similarities: number[] = [];
  const labels: number[] = [];
  const logPriors: number[] = [];
  const count = users * DEPTHS.length;
  for (let i = 0; i < count; i++) {
    const s = prior.map(() => Math.max(-1, Math.min(1, 0.4 * gaussian(random))));
    similarities.push(...s);
    logPriors.push(...prior.map((p) => Math.log(mode === "exclusive" ? p : p / (1 - p))), Math.log(0.01));
    const isBackground = i / DEPTHS.length >= users - background;
    const depth = i % DEPTHS.length;
    const powers = s.map((x, k) => prior[k]! * Math.exp(kappa[depth]! * x + shift[k]!));
    labels.push(isBackground ? -1 : drawnFrom(powers, random()));
  }
  return {
    segments: K,
    mode,
    similarities: Float64Array.from(similarities),
    evidence: Float64Array.from({ length: count }, (_, i) => DEPTHS[i % DEPTHS.length]!),
    labels: Int16Array.from(labels),
    users: Uint32Array.from({ length: count }, (_, i) => Math.floor(i / DEPTHS.length)),
    logPriors: Float64Array.from(logPriors),
  };
}

function drawnFrom(powers: readonly number[], uniform: number): number {
  let left = uniform * powers.reduce((sum, power) => sum + power, 0);
  for (const [k, power] of powers.entries()) {
    left -= power;
    if (left < 0) return k;
  }
  return powers.length - 1;
}

/** Log-loss at one depth of a calibration, and of the prior alone. */
function losses(
  calibration: Calibration,
  scores: HeldOutScores,
  depth: number,
): [fitted: number, prior: number] {
  const K = scores.segments;
  const fitted: number[][] = [];
  const priors: number[][] = [];
  const labels: number[] = [];
  for (const [i, label] of scores.labels.entries()) {
    if (i % DEPTHS.length !== depth || label < 0) continue;
    const prior = [...scores.logPriors.subarray(i * (K + 1), i * (K + 1) + K)];
    const logits = prior.map(
      (log, k) =>
        log + calibration.kappa[depth]! * scores.similarities[i * K + k]! + calibration.intercepts[k]!,
    );
    labels.push(label);
    priors.push(shares(prior));
    fitted.push(shares(logits));
  }
  return [logLoss(fitted, labels), logLoss(priors, labels)];
}

function shares(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  return powers.map((power) => power / powers.reduce((sum, x) => sum + x, 0));
}

test("the inverse temperature of each depth is found again", () => {
  const kappa = [0.5, 1, 2, 3, 5];
  const fitted = fitCalibration(of, drawn({ users: 4000, kappa }));
  expect(fitted.depthEnds).toEqual([...DEPTH_ENDS]);
  expect(fitted.members).toBe(4000);
  for (const [bin, value] of kappa.entries()) expect(Math.abs(fitted.kappa[bin]! - value)).toBeLessThan(0.3);
});

test("a segment that looks nearer than it is gets an intercept", () => {
  const fitted = fitCalibration(of, drawn({ users: 4000, kappa: [2, 2, 2, 2, 2], shift: [0, 0, 1] }));
  expect(fitted.intercepts[2]! - fitted.intercepts[0]!).toBeGreaterThan(0.7);
});

test("labels that have nothing to do with behaviour leave the prior as it is", () => {
  for (const users of [60, 300, 2000]) {
    const fitted = fitCalibration(of, drawn({ users, kappa: [0, 0, 0, 0, 0] }));
    for (const kappa of fitted.kappa) expect(kappa).toBeLessThan(0.15);
    for (const intercept of fitted.intercepts) expect(Math.abs(intercept)).toBeLessThan(0.1);
  }
});

test("confidence does not fall with the depth of the history", () => {
  const { kappa } = fitCalibration(of, drawn({ users: 3000, kappa: [3, 1, 4, 2, 2] }));
  expect([...kappa].sort((a, b) => a - b)).toEqual(kappa);
});

test("with few members one temperature is fitted, and no intercept", () => {
  const fitted = fitCalibration(of, drawn({ users: 400, kappa: [2, 2, 2, 2, 2], shift: [0, 0, 1] }));
  expect([...fitted.intercepts]).toEqual([0, 0, 0]);
  const rise = fitted.kappa.map((kappa) => kappa / fitted.kappa[0]!);
  const rising = fitCalibration(of, drawn({ users: 200, kappa: [5, 5, 5, 5, 5] })).kappa;
  for (const [bin, kappa] of rising.entries()) expect(kappa / rising[0]!).toBeCloseTo(rise[bin]!, 6);
});

test("at no depth is a fitted calibration worse than the prior on fresh users", () => {
  for (const kappa of [
    [0, 0, 0.5, 1, 2],
    [0.1, 0.2, 0.3, 0.4, 0.5],
  ]) {
    const fitted = fitCalibration(of, drawn({ users: 800, kappa }));
    const fresh = drawn({ users: 20_000, kappa });
    for (const depth of DEPTHS.keys()) {
      const [loss, prior] = losses(fitted, fresh, depth);
      expect(loss).toBeLessThan(prior + 1e-3);
    }
  }
});

test("without held-out members the default serves", () => {
  const nobody = fitCalibration(of, drawn({ users: 0, kappa: [0, 0, 0, 0, 0] }));
  expect(nobody.members).toBe(0);
  expect(nobody.kappa.length).toBe(nobody.depthEnds.length);
});

test("many users without a segment lift the logit of none to their share", () => {
  const scores = drawn({ users: 2000, kappa: [1, 1, 1, 1, 1], background: 1000 });
  // The scorer's prior says 1 %, half of the users are background.
  expect(fitCalibration(of, scores).noneIntercept).toBeGreaterThan(3);
  expect(
    fitCalibration(of, drawn({ users: 2000, kappa: [1, 1, 1, 1, 1], background: 20 })).noneIntercept,
  ).toBe(0);
});

test("independent segments are calibrated one by one", () => {
  const scores = drawn({ users: 2000, kappa: [3, 3, 3, 3, 3], mode: "independent", prior: [0.5, 0.5] });
  const { kappa, noneIntercept } = fitCalibration(of, scores);
  expect(kappa.at(-1)).toBeGreaterThan(1);
  expect(noneIntercept).toBe(0);
});
