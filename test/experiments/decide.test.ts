import { expect, test } from "vitest";
import { decide, type Evidence, guardrailState } from "../../src/experiments/decide.ts";
import type { Guardrail, Metric } from "../../src/experiments/experiment.ts";
import { SAMPLE_RATIO_ALARM } from "../../src/experiments/sample-ratio.ts";

const CLICKS: Metric = { name: "clicks", event: "click", measure: "converted", goal: "increase" };
const DISMISSALS: Guardrail = {
  name: "dismissals",
  event: "dismiss",
  measure: "count",
  goal: "decrease",
  harmMax: 0.05,
};

function evidence(given: Partial<Evidence> = {}): Evidence {
  return {
    interval: { lower: 0.01, upper: 0.3 },
    guardrails: ["safe"],
    sampleRatioLogE: 0,
    units: 3_000,
    plannedUnits: 5_000,
    ...given,
  };
}

test("an arm ships if the lower bound is above 0, every guardrail is safe and the split is right", () => {
  expect(decide(CLICKS, evidence())).toEqual({ kind: "ship", because: "better-and-safe" });
});

test.for([
  [
    "a broken split, whatever else is known",
    { sampleRatioLogE: SAMPLE_RATIO_ALARM + 0.01 },
    "invalid",
    "sample-ratio",
  ],
  ["a guardrail that is harmed", { guardrails: ["safe", "harmed"] }, "stop", "guardrail-harmed"],
  ["an interval below 0", { interval: { lower: -0.3, upper: -0.01 } }, "stop", "worse"],
  ["a gain whose harm is still open", { guardrails: ["open"] }, "continue", "guardrail-open"],
  ["an interval around 0", { interval: { lower: -0.1, upper: 0.1 } }, "continue", "undecided"],
  [
    "an interval around 0 at the planned sample",
    { interval: { lower: -0.1, upper: 0.1 }, units: 5_000 },
    "continue",
    "planned-sample-reached",
  ],
  [
    "too little to look at",
    { interval: { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY } },
    "continue",
    "too-early",
  ],
  [
    "looks that no single effect fits",
    { interval: { lower: 0.2, upper: 0.1 } },
    "continue",
    "effect-changed",
  ],
] as [string, Partial<Evidence>, string, string][])("%s", ([, given, kind, because]) => {
  expect(decide(CLICKS, evidence(given))).toEqual({ kind, because });
});

test("where less is better, an interval below 0 ships", () => {
  const interval = { lower: -0.3, upper: -0.01 };
  expect(decide({ ...CLICKS, goal: "decrease" }, evidence({ interval })).kind).toBe("ship");
});

test.for([
  [{ lower: -0.2, upper: 0.04 }, "safe"],
  [{ lower: -0.2, upper: 0.06 }, "open"],
  [{ lower: 0.06, upper: 0.4 }, "harmed"],
  [{ lower: 0.04, upper: 0.4 }, "open"],
] as const)("more dismissals by %j, of which 5 %% are allowed: %s", ([interval, state]) => {
  expect(guardrailState(DISMISSALS, interval)).toBe(state);
});

test("of a guardrail where more is better, a loss is the harm", () => {
  const purchases: Guardrail = { ...DISMISSALS, goal: "increase" };
  expect(guardrailState(purchases, { lower: -0.04, upper: 0.1 })).toBe("safe");
  expect(guardrailState(purchases, { lower: -0.3, upper: -0.06 })).toBe("harmed");
});
