import { runSimulation, type SimulatedPolicy, type SimulationRun } from "./run-simulation.ts";
import type { SimulationSettings } from "./simulation-settings.ts";

/** A mean with what it may be off by; the error is null where there is nothing to tell it from. */
export type Estimate = Readonly<{ mean: number; standardError: number | null }>;

/** What a policy did, over all worlds; of visitors whose segment is hidden. */
export type PolicyReport = Readonly<{
  policy: SimulatedPolicy;
  /** Over all rounds. */
  clickRate: number;
  /** Of the oracle's clicks: over all rounds, and over the last quarter of them. */
  oracleShare: number;
  oracleShareAtEnd: number;
  /** Against contents taken at random: 0.5 is half as many clicks again. */
  lift: number;
  /** True rates of what was chosen short of the best, summed over a user's rounds: clicks lost a user. */
  regret: number;
  /** By round, means over worlds. */
  clickRates: readonly number[];
  logLoss: readonly number[];
  logLossWithout: readonly number[];
  coverage: Readonly<{ level: number; cells: number; covered: number | null; width: number | null }>;
  /** What the first policy's click rate is above this one's; null for the first. */
  behindFirst: Readonly<{
    /** Over users, each against themselves under the other policy: in these worlds. */
    inTheseWorlds: Estimate;
    /** Over worlds: in another world of this kind. */
    overWorlds: Estimate;
    /** Worlds in which the first is ahead. */
    worldsAhead: number;
  }> | null;
}>;

export type Comparison = Readonly<{
  settings: SimulationSettings;
  seeds: readonly number[];
  oracle: Readonly<{ clickRate: number; clickRates: readonly number[] }>;
  random: Readonly<{ clickRate: number }>;
  policies: readonly PolicyReport[];
}>;

/** Share of the rounds that is "the end". */
const END = 0.25;

/**
 * Lets policies choose in the same worlds, with the same luck, beside the oracle and chance.
 *
 * @param policies - The first one is what the others are compared with.
 * @param onDone - Told the share of the work that is done.
 */
export function comparePolicies(
  settings: SimulationSettings,
  seeds: readonly number[],
  policies: readonly SimulatedPolicy[],
  onDone: (done: number) => void = () => {},
): Comparison {
  const all = [...new Set<SimulatedPolicy>(["oracle", "random", ...policies])];
  const work = all.length * seeds.length * settings.rounds;
  let done = 0;
  const runs = new Map(
    all.map((policy) => [
      policy,
      seeds.map((seed) => runSimulation(settings, seed, policy, () => onDone(++done / work))),
    ]),
  );
  const runsOf = (policy: SimulatedPolicy): readonly SimulationRun[] => runs.get(policy) ?? [];
  const [oracle, random] = [
    byRound(runsOf("oracle"), "clickRate"),
    mean(byRound(runsOf("random"), "clickRate")),
  ];
  const first = policies[0];
  return {
    settings,
    seeds,
    oracle: { clickRate: mean(oracle), clickRates: oracle },
    random: { clickRate: random },
    policies: policies.map((policy) => ({
      ...summarise(policy, runsOf(policy), oracle, random),
      behindFirst:
        first === undefined || policy === first
          ? null
          : differences(runsOf(first), runsOf(policy), settings.rounds),
    })),
  };
}

function summarise(
  policy: SimulatedPolicy,
  runs: readonly SimulationRun[],
  oracle: readonly number[],
  random: number,
): Omit<PolicyReport, "behindFirst"> {
  const clickRates = byRound(runs, "clickRate");
  const end = Math.floor(clickRates.length * (1 - END));
  const covered = runs.flatMap(({ coverage }) => coverage.covered ?? []);
  const widths = runs.flatMap(({ coverage }) => coverage.width ?? []);
  return {
    policy,
    clickRate: mean(clickRates),
    oracleShare: mean(clickRates) / mean(oracle),
    oracleShareAtEnd: mean(clickRates.slice(end)) / mean(oracle.slice(end)),
    lift: mean(clickRates) / random - 1,
    regret: byRound(runs, "regret").reduce((sum, one) => sum + one, 0),
    clickRates,
    logLoss: byRound(runs, "logLoss"),
    logLossWithout: byRound(runs, "logLossWithout"),
    coverage: {
      level: runs[0]?.coverage.level ?? 0,
      cells: mean(runs.map(({ coverage }) => coverage.cells)),
      covered: covered.length === 0 ? null : mean(covered),
      width: widths.length === 0 ? null : mean(widths),
    },
  };
}

function differences(
  ours: readonly SimulationRun[],
  theirs: readonly SimulationRun[],
  rounds: number,
): PolicyReport["behindFirst"] {
  const worlds = ours.map((run, world) => {
    const other = theirs[world]!.clicks;
    return estimate(Array.from(run.clicks, (clicks, user) => (clicks - other[user]!) / rounds));
  });
  let variance = 0;
  for (const { standardError } of worlds) variance += ((standardError ?? 0) / worlds.length) ** 2;
  const overWorlds = estimate(worlds.map((world) => world.mean));
  return {
    inTheseWorlds: { mean: overWorlds.mean, standardError: Math.sqrt(variance) },
    overWorlds,
    worldsAhead: worlds.filter((world) => world.mean > 0).length,
  };
}

function estimate(values: readonly number[]): Estimate {
  const middle = mean(values);
  if (values.length < 2) return { mean: middle, standardError: null };
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return { mean: middle, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}

function byRound(
  runs: readonly SimulationRun[],
  field: "clickRate" | "regret" | "logLoss" | "logLossWithout",
): number[] {
  return (runs[0]?.rounds ?? []).map((_, round) => mean(runs.map(({ rounds }) => rounds[round]![field])));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
