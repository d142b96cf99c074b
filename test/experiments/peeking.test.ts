import { expect, test } from "vitest";
import { addUnit, emptySums, moveUnit, onGrid } from "../../src/experiments/arm-sums.ts";
import { look, newWatch } from "../../src/experiments/watch.ts";
import { gaussian, type Random, seededRandom } from "../../src/kernel/random.ts";
import { anExperiment } from "./an-experiment.ts";
import { peek, type Stops } from "./peeking.ts";

const RUNS = 1_000;
const LOOKS = 99;
const UNITS_A_LOOK = 101;
const ALPHA = 0.05;
/** Of a share of 1,000 runs. */
const THREE_ERRORS = 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / RUNS);

test("1,000 runs without a difference, 99 looks each: only the confidence sequence keeps its promise", () => {
  const runs = Array.from({ length: RUNS }, (_, seed) =>
    peek(anExperiment(), { seed, looks: LOOKS, unitsALook: UNITS_A_LOOK, rates: [0.05, 0.05] }),
  );
  expect(stopped(runs, "sequence")).toBeLessThanOrEqual(ALPHA + THREE_ERRORS);
  // The same data: the simulation can see what peeking does.
  expect(stopped(runs, "zTest")).toBeGreaterThanOrEqual(0.25);
  expect(stopped(runs, "bayes")).toBeGreaterThanOrEqual(0.4);
  expect(stopped(runs, "sprt")).toBeLessThanOrEqual(ALPHA + THREE_ERRORS);
});

test("a lift of 20 % (5 % to 6 %) is found in most runs, on average long before their end", () => {
  const runs = Array.from({ length: 400 }, (_, seed) =>
    peek(anExperiment(), {
      seed: 10_000 + seed,
      looks: LOOKS,
      unitsALook: UNITS_A_LOOK,
      rates: [0.05, 0.06],
    }),
  );
  const power = stopped(runs, "sequence");
  // Runs that never stop count with their whole length.
  const stops = runs.map(({ sequence = LOOKS }) => sequence * UNITS_A_LOOK);
  const meanStop = stops.reduce((sum, units) => sum + units, 0) / runs.length;
  expect(power).toBeGreaterThan(0.5);
  expect(meanStop).toBeLessThan(8_000);
});

function stopped(runs: readonly Stops[], rule: keyof Stops): number {
  return runs.filter((stops) => stops[rule] !== undefined).length / runs.length;
}

test.for([
  ["revenue with a long tail", drawRevenue],
  ["a ratio whose units differ in taste and in how much they see", drawRatio],
  ["a proportion with a covariate", drawWithCovariate],
] as const)("%s, without a difference: the sequence keeps its promise as well", ([, draw]) => {
  const [runs, units] = [200, 101];
  let stops = 0;
  for (let seed = 0; seed < runs; seed++) stops += Number(everStops(seededRandom(seed), draw, units));
  expect(stops / runs).toBeLessThanOrEqual(ALPHA + 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / runs));
});

type Draw = (random: Random) => Readonly<{ x: number; y: number; d: number }>;

function everStops(random: Random, draw: Draw, units: number): boolean {
  const experiment = anExperiment();
  const arms = [emptySums(1), emptySums(1)];
  let watch = newWatch(experiment);
  for (let at = 1; at <= LOOKS; at++) {
    for (const arm of arms) {
      for (let unit = 0; unit < units; unit++) {
        const { x, y, d } = draw(random);
        addUnit(arm, x);
        moveUnit(arm, 0, x, { y: 0, d: 0 }, { y, d });
      }
    }
    watch = look(watch, experiment, arms, at);
    const { lower, upper } = watch.intervals[0]![0]!;
    if (lower > 0 || upper < 0) return true;
  }
  return false;
}

function drawRevenue(random: Random): ReturnType<Draw> {
  return { x: 0, y: random() < 0.05 ? onGrid(Math.exp(3 + gaussian(random))) : 0, d: 1 };
}

function drawRatio(random: Random): ReturnType<Draw> {
  const d = 1 + Math.floor(-Math.log(1 - random()) * 5);
  const taste = 0.02 + 0.1 * random() ** 2;
  let y = 0;
  for (let seen = 0; seen < d; seen++) y += Number(random() < taste);
  return { x: 0, y, d };
}

function drawWithCovariate(random: Random): ReturnType<Draw> {
  const x = onGrid(Math.log1p(-Math.log(1 - random()) * 10));
  return { x, y: Number(random() < 0.02 + 0.02 * x), d: 1 };
}
