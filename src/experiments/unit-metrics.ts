import { type ArmSums, addUnit, emptySums, moveUnit, onGrid } from "./arm-sums.ts";
import { type Experiment, type Measure, type Metric, metricsOf } from "./experiment.ts";

/** An experiment with what counting needs, made once. */
export type CountedExperiment = Readonly<{
  experiment: Experiment;
  metrics: readonly Metric[];
  /** What an entry adds to the sums of a unit's arm; whoever counts empties it first. */
  scratch: ArmSums;
}>;

/** Makes an experiment ready for counting. */
export function countedExperiment(experiment: Experiment): CountedExperiment {
  const metrics = metricsOf(experiment);
  return { experiment, metrics, scratch: emptySums(metrics.length) };
}

/** What a unit has done since it was first served something that the arms differ in. */
export type Exposure = {
  readonly arm: number;
  /** What it was assigned by; it stays, whatever the unit is called later. */
  readonly hashKey: string;
  /** When it was answered first, epoch ms. */
  readonly atMs: number;
  /** What was known of it before, on the grid of the sums: see {@link addUnit}. */
  readonly covariate: number;
  /** For each metric its value y, and what it is divided by, d; shape [metrics, 2]. */
  readonly values: Float64Array;
};

/** An event as metrics see it. */
export type UnitEvent = Readonly<{
  type: string;
  /** When it happened, or when what it answers was chosen, epoch ms. */
  atMs: number;
  value?: number;
  /** The placement whose choice it answers. */
  placement?: string;
}>;

/** Begins to count a unit. @returns What is to be kept of it; what it adds is in the experiment's scratch. */
export function expose(
  { metrics, scratch }: CountedExperiment,
  given: Pick<Exposure, "arm" | "hashKey" | "atMs" | "covariate">,
): Exposure {
  const values = new Float64Array(metrics.length * 2);
  scratch.fill(0);
  addUnit(scratch, given.covariate);
  for (let i = 0; i < metrics.length; i++) {
    if (metrics[i]!.per !== undefined) continue;
    values[i * 2 + 1] = 1; // A mean is a ratio to the units.
    moveUnit(scratch, i, given.covariate, { y: 0, d: 0 }, { y: 0, d: 1 });
  }
  return { ...given, values };
}

/**
 * Takes in what a unit did.
 *
 * @param exposure - Changed in place.
 * @returns Whether any metric changed; then what it adds is in the experiment's scratch.
 */
export function follow(counted: CountedExperiment, exposure: Exposure, event: UnitEvent): boolean {
  if (event.atMs < exposure.atMs) return false;
  const { experiment, metrics, scratch } = counted;
  const { covariate, values } = exposure;
  let isChanged = false;
  for (let i = 0; i < metrics.length; i++) {
    const metric = metrics[i]!;
    const before = { y: values[i * 2]!, d: values[i * 2 + 1]! };
    const y = after(experiment, metric, before.y, event);
    const d = metric.per === undefined ? before.d : after(experiment, metric.per, before.d, event);
    if (y === before.y && d === before.d) continue;
    if (!isChanged) scratch.fill(0);
    isChanged = true;
    values[i * 2] = y;
    values[i * 2 + 1] = d;
    moveUnit(scratch, i, covariate, before, { y, d });
  }
  return isChanged;
}

/** A measure's value after one more event. */
function after(experiment: Experiment, measure: Measure, value: number, event: UnitEvent): number {
  if (event.type !== measure.event) return value;
  if (measure.atPlacement === true && event.placement !== experiment.placement) return value;
  const most = measure.capAt ?? Number.POSITIVE_INFINITY;
  switch (measure.measure) {
    case "converted":
      return 1;
    case "count":
      return onGrid(Math.min(most, value + 1));
    case "value":
      return onGrid(Math.min(most, value + (event.value ?? 0)));
  }
}
