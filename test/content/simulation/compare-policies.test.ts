import { beforeAll, expect, test } from "vitest";
import {
  type Comparison,
  comparePolicies,
  type PolicyReport,
} from "../../../src/content/simulation/compare-policies.ts";
import { runSimulation } from "../../../src/content/simulation/run-simulation.ts";
import { SIMULATION_SETTINGS } from "../../../src/content/simulation/simulation-settings.ts";

const SEEDS = [1, 2, 3, 4];
let comparison: Comparison;
const reportOf = (policy: string): PolicyReport => comparison.policies.find((one) => one.policy === policy)!;

beforeAll(() => {
  comparison = comparePolicies(SIMULATION_SETTINGS, SEEDS, ["mixture", "greedy", "segment", "popularity"]);
}, 180_000);

test("from unknown rates, mixture Thompson sampling gets 80 % of the clicks of who knows the truth in 20 rounds", () => {
  const { oracleShare, oracleShareAtEnd, clickRates } = reportOf("mixture");
  expect(clickRates).toHaveLength(20);
  expect(oracleShare).toBeGreaterThanOrEqual(0.8);
  expect(oracleShareAtEnd).toBeGreaterThan(oracleShare);
});

test.for(["greedy", "segment", "popularity"])("it beats %s by more than two standard errors", (policy) => {
  const { mean, standardError } = reportOf(policy).behindFirst!.inTheseWorlds;
  expect(mean).toBeGreaterThan(2 * standardError!);
});

test("feedback tells more of who a visitor is than the live resonance alone, in every round after the first", () => {
  const { logLoss, logLossWithout } = reportOf("mixture");
  for (const [round, loss] of logLoss.entries())
    if (round > 0) expect(loss).toBeLessThan(logLossWithout[round]!);
  expect(logLossWithout.at(-1)! - logLoss.at(-1)!).toBeGreaterThan(0.1);
});

test("regret falls, and nobody is better than the oracle or worse than chance", () => {
  for (const { clickRate, regret, lift } of comparison.policies) {
    expect(clickRate).toBeLessThan(comparison.oracle.clickRate);
    expect(regret).toBeGreaterThan(0);
    expect(lift).toBeGreaterThan(0);
  }
  const { clickRates } = reportOf("mixture");
  const short = (round: number) => comparison.oracle.clickRates[round]! - clickRates[round]!;
  expect(short(19)).toBeLessThan(short(0) / 2);
});

const SMALL = { ...SIMULATION_SETTINGS, users: 600, rounds: 6 };

test("a seed is one world: the same run again is the same, another seed is another", () => {
  const run = (seed: number) => runSimulation(SMALL, seed, "mixture");
  expect(run(1)).toEqual(run(1));
  expect(run(1).rounds).not.toEqual(run(2).rounds);
});

test("credible intervals hold the truth as often as they say, where segments are known and nothing drifts", () => {
  const calm = { ...SIMULATION_SETTINGS, users: 2_000, members: 1, tasteDrift: 0, affinityDrift: 0 };
  const runs = SEEDS.map((seed) => runSimulation(calm, seed, "random").coverage);
  const cells = runs.reduce((sum, run) => sum + run.cells, 0);
  const covered = runs.reduce((sum, run) => sum + run.cells * run.covered!, 0) / cells;
  expect(cells).toBe(4 * 60);
  expect(Math.abs(covered - 0.95)).toBeLessThan(3 * Math.sqrt((0.95 * 0.05) / cells));
});

test("with no round and no user there is nothing to tell, and it says so", () => {
  const { clicks, coverage } = runSimulation({ ...SMALL, members: 1 }, 1, "mixture");
  expect(clicks).toHaveLength(0);
  expect(runSimulation({ ...SMALL, users: 1, rounds: 1 }, 1, "mixture").coverage.covered).toBe(null);
  expect(coverage.cells).toBeGreaterThan(0);
});
