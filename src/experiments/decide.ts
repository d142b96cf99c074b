import type { Interval } from "./confidence-sequence.ts";
import type { Guardrail, Metric } from "./experiment.ts";
import { SAMPLE_RATIO_ALARM } from "./sample-ratio.ts";

/** What a guardrail tells: harm is below the limit, above it, or could still be either. */
export type GuardrailState = "safe" | "harmed" | "open";

/**
 * What is to be done about an arm. The rule: ship if the primary metric's lower bound is above 0, every guardrail's upper
 * bound of harm is below its limit, and the split is as it should be.
 */
export type Verdict = Readonly<{
  kind: "ship" | "stop" | "continue" | "invalid";
  because:
    | "better-and-safe"
    | "worse"
    | "guardrail-harmed"
    | "guardrail-open"
    | "undecided"
    | "planned-sample-reached"
    | "too-early"
    | "effect-changed"
    | "sample-ratio";
}>;

/** What a verdict follows from; all intervals hold the truth at all times together. */
export type Evidence = Readonly<{
  /** The relative lift of the primary metric. */
  interval: Interval;
  guardrails: readonly GuardrailState[];
  sampleRatioLogE: number;
  /** Units of all arms, and those planned. */
  units: number;
  plannedUnits: number;
}>;

/** The verdict on one arm. Reasons not to trust the numbers come first, then harm, then gain. */
export function decide(primary: Metric, evidence: Evidence): Verdict {
  const { interval, guardrails, sampleRatioLogE, units, plannedUnits } = evidence;
  if (sampleRatioLogE > SAMPLE_RATIO_ALARM) return { kind: "invalid", because: "sample-ratio" };
  // No effect fits all looks: it was not the same all the time, or the chance of alpha has come true.
  if (interval.lower > interval.upper) return { kind: "continue", because: "effect-changed" };
  if (guardrails.includes("harmed")) return { kind: "stop", because: "guardrail-harmed" };
  const gain = inGoalsDirection(primary, interval);
  if (gain.upper < 0) return { kind: "stop", because: "worse" };
  if (gain.lower > 0) {
    const isSafe = guardrails.every((state) => state === "safe");
    return isSafe
      ? { kind: "ship", because: "better-and-safe" }
      : { kind: "continue", because: "guardrail-open" };
  }
  if (!Number.isFinite(gain.lower)) return { kind: "continue", because: "too-early" };
  return { kind: "continue", because: units >= plannedUnits ? "planned-sample-reached" : "undecided" };
}

/** What a guardrail's interval of the relative lift says about harm. */
export function guardrailState(guardrail: Guardrail, interval: Interval): GuardrailState {
  const gain = inGoalsDirection(guardrail, interval);
  if (-gain.upper > guardrail.harmMax) return "harmed";
  return -gain.lower <= guardrail.harmMax ? "safe" : "open";
}

/** An interval of a change, turned so that more is better. */
function inGoalsDirection({ goal }: Metric, { lower, upper }: Interval): Interval {
  return goal === "increase" ? { lower, upper } : { lower: -upper, upper: -lower };
}
