import { expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { type ChosenThreshold, chooseThreshold } from "../../src/resonance/choose-threshold.ts";
import { fewestTrials, lowerBound } from "../../src/resonance/precision-bound.ts";
import {
  GRID_SIZE,
  gridThreshold,
  PrecisionCounter,
  type PrecisionCurve,
} from "../../src/resonance/precision-curve.ts";

const TARGET = 0.9;
const CONFIDENCE = 0.95;

type Vote = Readonly<{ probability: number; isMember: boolean }>;

function curveOf(votes: readonly Vote[]): PrecisionCurve {
  const counter = new PrecisionCounter();
  for (const { probability, isMember } of votes) counter.add(probability, isMember);
  return counter.curve();
}

/**
 * Users whose true probability is spread over [0, 1], and what is claimed of it.
 *
 * @param given.claim - What a model says where the truth is `p`.
 */
function someVotes(given: { users: number; seed: number; claim: (p: number) => number }): Vote[] {
  const random = seededRandom(given.seed);
  return Array.from({ length: given.users }, () => {
    const p = random() < 0.4 ? 1 - 0.2 * random() : random();
    return { probability: given.claim(p), isMember: random() < p };
  });
}

const CLAIMS = {
  "well calibrated": (p: number) => p,
  overconfident: (p: number) => p ** 0.3,
  underconfident: (p: number) => p ** 3,
  "blind to half of the truth": (p: number) => 0.5 + p / 2,
};

function precisionAt(enter: number, votes: readonly Vote[]): number {
  const accepted = votes.filter(({ probability }) => probability >= enter);
  return accepted.length === 0 ? 1 : accepted.filter(({ isMember }) => isMember).length / accepted.length;
}

test("the lower bound is that of METHODS 2.5", () => {
  expect(lowerBound(90, 100, 0.95)).toBeCloseTo(0.8362823767, 9);
  expect(lowerBound(180, 200, 0.95)).toBeCloseTo(0.8580107485, 9);
  expect(lowerBound(950, 1_000, 0.95)).toBeCloseTo(0.9371365965, 9);
  expect(lowerBound(0, 10, 0.95)).toBe(0);
});

test("fewer than 29 examples can't prove .90, fewer than 59 not .95", () => {
  expect([fewestTrials(0.9, 0.95), fewestTrials(0.95, 0.95)]).toEqual([29, 59]);
  for (const [target, fewest] of [
    [0.9, 29],
    [0.95, 59],
  ] as const) {
    expect(lowerBound(fewest, fewest, 0.95)).toBeGreaterThanOrEqual(target);
    expect(lowerBound(fewest - 1, fewest - 1, 0.95)).toBeLessThan(target);
  }
});

test("a vote counts at every threshold that it reaches, equality included", () => {
  const { accepted, correct, votes } = curveOf([
    { probability: 0.29, isMember: true },
    { probability: 1, isMember: false },
    { probability: 0, isMember: true },
  ]);
  expect(votes).toBe(3);
  for (let index = 0; index < GRID_SIZE; index++) {
    expect(accepted[index]).toBe(gridThreshold(index) <= 0.29 ? 2 : 1);
    expect(correct[index]).toBe(gridThreshold(index) <= 0.29 ? 1 : 0);
  }
});

test("with 28 accepted users a segment stays off though all of them are right, with 29 it is on", () => {
  const certain = (users: number) =>
    curveOf(Array.from({ length: users }, () => ({ probability: 0.995, isMember: true })));
  expect(chooseThreshold(certain(28), TARGET, CONFIDENCE)).toEqual({ kind: "off", why: "too-few-accepted" });
  expect(chooseThreshold(certain(29), TARGET, CONFIDENCE)).toEqual({ kind: "on", index: 0, enter: 0.01 });
});

test("a segment that nobody can tell stays off and says why", () => {
  const random = seededRandom(3);
  const guess = Array.from({ length: 5_000 }, () => ({ probability: random(), isMember: random() < 0.3 }));
  expect(chooseThreshold(curveOf(guess), TARGET, CONFIDENCE)).toEqual({
    kind: "off",
    why: "precision-not-reached",
  });
});

test("many well calibrated users bring the threshold near to where the mean above it is the target", () => {
  const votes = someVotes({ users: 50_000, seed: 1, claim: (p) => p });
  const chosen = chooseThreshold(curveOf(votes), TARGET, CONFIDENCE);
  expect(chosen.kind).toBe("on");
  const { enter } = chosen as Extract<ChosenThreshold, { kind: "on" }>;
  expect(precisionAt(enter, votes)).toBeGreaterThan(TARGET);
  expect(precisionAt(enter - 0.03, votes)).toBeLessThan(TARGET);
});

test("the walk ends at the first threshold that fails, even if a lower one would pass again", () => {
  const votes = [
    ...Array.from({ length: 400 }, () => ({ probability: 0.95, isMember: true })),
    ...Array.from({ length: 100 }, () => ({ probability: 0.85, isMember: false })),
    ...Array.from({ length: 9_000 }, () => ({ probability: 0.75, isMember: true })),
  ];
  expect(chooseThreshold(curveOf(votes), TARGET, CONFIDENCE)).toMatchObject({ kind: "on", enter: 0.86 });
});

test("of the thresholds that pass, none is taken that users of one length of history refute", () => {
  const curve = curveOf(someVotes({ users: 50_000, seed: 1, claim: (p) => p ** 0.5 }));
  const { enter } = chooseThreshold(curve, TARGET, CONFIDENCE) as Extract<ChosenThreshold, { kind: "on" }>;
  const ceiling = curve.accepted.map((_, index) => (gridThreshold(index) < enter + 0.02 ? 0.899 : 0.95));
  expect(chooseThreshold({ ...curve, ceiling }, TARGET, CONFIDENCE)).toMatchObject({ enter: enter + 0.02 });
});

/** Draws after which the chosen threshold's true precision is below the target, of those where one was chosen. */
function broken(
  claim: (p: number) => number,
  choose: (curve: PrecisionCurve) => number | undefined,
  users = 400,
): { broken: number; on: number; draws: number } {
  const draws = 300;
  const fresh = someVotes({ users: 400_000, seed: 99, claim });
  const truth = curveOf(fresh);
  let [failures, on] = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const enter = choose(curveOf(someVotes({ users, seed: 1_000 + draw, claim })));
    if (enter === undefined) continue;
    on++;
    const index = Math.round(enter * 100) - 1;
    if (truth.correct[index]! / truth.accepted[index]! < TARGET) failures++;
  }
  return { broken: failures, on, draws };
}

const chosenEnter = (curve: PrecisionCurve): number | undefined => {
  const chosen = chooseThreshold(curve, TARGET, CONFIDENCE);
  return chosen.kind === "on" ? chosen.enter : undefined;
};

const claims = Object.keys(CLAIMS) as (keyof typeof CLAIMS)[];

test.for(claims)("%s: in 95 of 100 draws the precision holds on fresh users, or it is off", (name) => {
  const { broken: failures, draws } = broken(CLAIMS[name], chosenEnter);
  // 5 % of 300 draws, and two standard errors of that.
  expect(failures).toBeLessThanOrEqual(0.05 * draws + 2 * Math.sqrt(0.05 * 0.95 * draws));
});

test("with 2,000 users of which many can be told the threshold is nearly always on", () => {
  const { on, draws } = broken(CLAIMS["well calibrated"], chosenEnter, 2_000);
  expect(on / draws).toBeGreaterThan(0.9);
});

test("the lowest threshold whose observed precision is the target breaks that promise", () => {
  const naive = ({ accepted, correct }: PrecisionCurve): number | undefined => {
    const index = accepted.findIndex((count, i) => count > 0 && correct[i]! / count >= TARGET);
    return index < 0 ? undefined : gridThreshold(index);
  };
  const { broken: failures, draws } = broken(CLAIMS["well calibrated"], naive);
  expect(failures / draws).toBeGreaterThan(0.3);
});
