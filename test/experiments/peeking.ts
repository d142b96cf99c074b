import { type ArmSums, addUnit, emptySums, moveUnit } from "../../src/experiments/arm-sums.ts";
import { bayesianPanel } from "../../src/experiments/bayesian-panel.ts";
import type { Experiment } from "../../src/experiments/experiment.ts";
import { liftsOf, look, newWatch } from "../../src/experiments/watch.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { mixtureSprt } from "./mixture-sprt.ts";

/** At which look each rule would have stopped for a difference; undefined if it never did. */
export type Stops = Readonly<{
  sequence: number | undefined;
  zTest: number | undefined;
  bayes: number | undefined;
  sprt: number | undefined;
}>;

export type Peeking = Readonly<{
  seed: number;
  looks: number;
  /** Units of each arm between two looks. */
  unitsALook: number;
  /** Chance of a conversion in control and in the other arm. */
  rates: readonly [number, number];
}>;

/** Draws an experiment of two arms and looks at it again and again, by the code that serves. */
export function peek(experiment: Experiment, { seed, looks, unitsALook, rates }: Peeking): Stops {
  const random = seededRandom(seed);
  const sums: [ArmSums, ArmSums] = [emptySums(1), emptySums(1)];
  let watch = newWatch(experiment);
  const stops: { -readonly [Rule in keyof Stops]: Stops[Rule] } = {
    sequence: undefined,
    zTest: undefined,
    bayes: undefined,
    sprt: undefined,
  };
  for (let at = 1; at <= looks; at++) {
    for (const [arm, rate] of rates.entries()) draw(sums[arm as 0 | 1], unitsALook, rate, random);
    watch = look(watch, experiment, sums, at);
    const interval = watch.intervals[0]![0]!;
    if (interval.lower > 0 || interval.upper < 0) stops.sequence ??= at;
    const lift = liftsOf(sums, 0)[0];
    if (lift === undefined) continue;
    const { relative, logRatio } = lift;
    if (Math.abs(relative.value / relative.standardError) > 1.959964) stops.zTest ??= at;
    const { chanceToWin } = bayesianPanel(relative, "increase");
    if (chanceToWin > 0.95 || chanceToWin < 0.05) stops.bayes ??= at;
    if (mixtureSprt(logRatio, 0.2) > 20) stops.sprt ??= at;
  }
  return stops;
}

const NOTHING = { y: 0, d: 0 };

function draw(sums: ArmSums, units: number, rate: number, random: () => number): void {
  for (let unit = 0; unit < units; unit++) {
    addUnit(sums, 0);
    moveUnit(sums, 0, 0, NOTHING, { y: Number(random() < rate), d: 1 });
  }
}
