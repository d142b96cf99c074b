import type { Experiment } from "../../src/experiments/experiment.ts";

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
