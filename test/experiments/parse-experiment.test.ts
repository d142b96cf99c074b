import { expect, test } from "vitest";
import { parseExperiment } from "../../src/experiments/parse-experiment.ts";

const POLICIES = ["mixture", "overall", "shuffled"];
const LEAST = {
  name: "home-hero",
  placement: "home",
  arms: [{ name: "control", policy: "overall" }, { name: "personal" }],
  primary: { event: "click" },
};

test("the least that has to be said, and what follows from it", () => {
  expect(parseExperiment(LEAST, POLICIES)).toEqual({
    kind: "experiment",
    experiment: {
      name: "home-hero",
      placement: "home",
      arms: [
        { name: "control", policy: "overall", weight: 0.5 },
        { name: "personal", policy: "mixture", weight: 0.5 },
      ],
      traffic: 1,
      hash: "sha256",
      seed: "home-hero",
      primary: { name: "click.converted", event: "click", measure: "converted", goal: "increase" },
      guardrails: [],
      plannedUnits: 5_000,
      alpha: 0.05,
    },
  });
});

test("everything that can be said", () => {
  const whole = {
    ...LEAST,
    arms: [
      { name: "control", policy: "overall", weight: 0.4 },
      { name: "personal", policy: "mixture", weight: 0.4, minProbability: 0.3, floor: 0.05 },
      { name: "placebo", policy: "shuffled", weight: 0.2 },
    ],
    traffic: 0.5,
    hash: "growthbook-v2",
    seed: "2026",
    namespace: { name: "home", from: 0, to: 0.5 },
    holdout: { name: "2026", share: 0.05 },
    primary: {
      name: "ctr",
      event: "click",
      measure: "count",
      per: { event: "impression", measure: "count", capAt: 100 },
      goal: "increase",
    },
    guardrails: [{ event: "dismiss", measure: "count", goal: "decrease", harmMax: 0.1 }],
    plannedUnits: 20_000,
    alpha: 0.1,
  };
  const parsed = parseExperiment(whole, POLICIES);
  expect(parsed).toEqual({
    kind: "experiment",
    experiment: { ...whole, guardrails: [{ ...whole.guardrails[0], name: "dismiss.count" }] },
  });
});

test("a ratio without a name is called by both of its parts", () => {
  const parsed = parseExperiment(
    {
      ...LEAST,
      primary: { event: "click", measure: "count", per: { event: "impression", measure: "count" } },
    },
    POLICIES,
  );
  expect(parsed.kind === "experiment" && parsed.experiment.primary.name).toBe("click.count/impression.count");
});

test.for([
  [{ ...LEAST, arms: LEAST.arms.slice(1) }, "arms: must name at least two arms, control first"],
  [{ ...LEAST, arms: [...LEAST.arms, { name: "personal" }] }, "arms: must have distinct names"],
  [
    {
      ...LEAST,
      arms: [
        { name: "a", weight: 0.5 },
        { name: "b", weight: 0.4 },
      ],
    },
    "arms: must all have a weight, with a sum of 1, or none",
  ],
  [{ ...LEAST, arms: [{ name: "a", weight: 1 }, { name: "b" }] }, "must all have a weight"],
  [
    { ...LEAST, arms: [{ name: "a", policy: "best" }, { name: "b" }] },
    "arms.0.policy: must be one of mixture, overall, shuffled",
  ],
  [{ ...LEAST, traffic: 0 }, "traffic: "],
  [{ ...LEAST, hash: "md5" }, "hash: "],
  [{ ...LEAST, seed: "a\u001fb" }, "seed: must be printable"],
  [{ ...LEAST, namespace: { name: "home", from: 0.5, to: 0.5 } }, "namespace: must be a range"],
  [{ ...LEAST, holdout: { name: "all", share: 1 } }, "holdout.share: "],
  [{ ...LEAST, plannedUnits: 10 }, "plannedUnits: "],
  [{ ...LEAST, alpha: 0 }, "alpha: "],
  [{ ...LEAST, guardrails: [{ event: "click" }] }, "guardrails: must be other metrics than the primary one"],
  [{ ...LEAST, guardrails: [{ event: "dismiss", harmMax: 1 }] }, "guardrails.0.harmMax: "],
  [{ ...LEAST, primary: undefined }, "primary: "],
  [{ ...LEAST, primary: { event: "click", measure: "mean" } }, "primary.measure: "],
  [{ ...LEAST, name: "a b" }, "name: must be 1 to 64 letters, digits, - or _"],
  [{ ...LEAST, colour: "red" }, "the experiment: its field number 5 is unknown here"],
  ["home", "the experiment: "],
] as [unknown, string][])("refused, with where and why: %j", ([input, message]) => {
  const parsed = parseExperiment(input, POLICIES);
  expect(parsed).toMatchObject({ kind: "refused", code: "BAD_EXPERIMENT" });
  expect(parsed.kind === "refused" && parsed.message).toContain(message);
});
