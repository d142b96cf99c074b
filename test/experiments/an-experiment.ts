import type { Experiment, Metric } from "../../src/experiments/experiment.ts";

/** Clicks at the placement per impression there. */
export const CTR: Metric = {
  name: "ctr",
  event: "click",
  measure: "count",
  atPlacement: true,
  per: { event: "impression", measure: "count", atPlacement: true },
  goal: "increase",
};

/** An experiment of two equal arms and one proportion, with what a test says of it. */
export function anExperiment(given: Partial<Experiment> = {}): Experiment {
  return {
    name: "home-hero",
    placement: "home",
    arms: [
      { name: "control", weight: 0.5, policy: "overall" },
      { name: "resonance", weight: 0.5, policy: "mixture" },
    ],
    traffic: 1,
    hash: "sha256",
    seed: "home-hero",
    primary: { name: "click.converted", event: "click", measure: "converted", goal: "increase" },
    guardrails: [],
    plannedUnits: 5_000,
    alpha: 0.05,
    ...given,
  };
}
