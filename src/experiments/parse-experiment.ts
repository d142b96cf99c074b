import * as v from "valibot";
import { toldIssue } from "../events/told-issue.ts";
import type { Arm, Experiment, Guardrail, Measure, Metric } from "./experiment.ts";

/** What a person wrote, as an experiment; or where it is wrong and why. */
export type ParsedExperiment =
  | Readonly<{ kind: "experiment"; experiment: Experiment }>
  | Readonly<{ kind: "refused"; code: "BAD_EXPERIMENT"; message: string }>;

/** What a file calls the encoder that `train --hold` has prepared. */
export const CANDIDATE = "candidate";

const ARMS_MAX = 8;
const GUARDRAILS_MAX = 8;
/** As GrowthBook has it. */
const PLANNED_UNITS = 5_000;
const PLANNED_UNITS_MIN = 400;
const PLANNED_UNITS_MAX = 1e9;
const WEIGHTS_TOLERANCE = 1e-6;
const VALUE_MAX = 2 ** 18;

const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, - or _"));
const share = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));
const measureFields = {
  event: v.pipe(v.string(), v.regex(/^\P{C}{1,64}$/u, "must be a type of events")),
  measure: v.optional(v.picklist(["converted", "count", "value"]), "converted"),
  capAt: v.exactOptional(v.pipe(v.number(), v.gtValue(0), v.maxValue(VALUE_MAX))),
  atPlacement: v.exactOptional(v.boolean()),
};
const metricFields = {
  ...measureFields,
  name: v.exactOptional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_./-]{1,64}$/))),
  per: v.exactOptional(v.strictObject(measureFields)),
  goal: v.optional(v.picklist(["increase", "decrease"]), "increase"),
};
const guardrail = v.strictObject({
  ...metricFields,
  harmMax: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1)), 0.05),
});

const arm = v.strictObject({
  name,
  weight: v.exactOptional(share),
  policy: v.optional(name, "mixture"),
  encoder: v.exactOptional(v.literal(CANDIDATE, `must be "${CANDIDATE}", or left out`)),
  minProbability: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  floor: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
});

const schema = v.strictObject({
  name,
  placement: name,
  arms: v.pipe(
    v.array(arm),
    v.minLength(2, "must name at least two arms, control first"),
    v.maxLength(ARMS_MAX),
    v.check((arms) => areDistinct(arms.map((one) => one.name)), "must have distinct names"),
    v.check((arms) => haveSharesOfAll(arms), "must all have a weight, with a sum of 1, or none"),
  ),
  traffic: v.optional(share, 1),
  hash: v.optional(v.picklist(["sha256", "growthbook-v2", "growthbook-v1"]), "sha256"),
  seed: v.exactOptional(
    v.pipe(v.string(), v.regex(/^[\x20-\x7e]{0,128}$/, "must be printable, at most 128 characters")),
  ),
  namespace: v.exactOptional(
    v.pipe(
      v.strictObject({
        name,
        from: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
        to: share,
      }),
      v.check(({ from, to }) => from < to, "must be a range: from below to"),
    ),
  ),
  holdout: v.exactOptional(v.strictObject({ name, share: v.pipe(v.number(), v.gtValue(0), v.ltValue(1)) })),
  primary: v.strictObject(metricFields),
  guardrails: v.optional(v.pipe(v.array(guardrail), v.maxLength(GUARDRAILS_MAX)), []),
  plannedUnits: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(PLANNED_UNITS_MIN), v.maxValue(PLANNED_UNITS_MAX)),
    PLANNED_UNITS,
  ),
  alpha: v.optional(v.pipe(v.number(), v.minValue(1e-6), v.maxValue(0.5)), 0.05),
});

/**
 * Validates the definition of an experiment; docs/experiments.md describes it.
 *
 * @param input - Parsed JSON or MessagePack, from outside.
 * @param policies - The ways of choosing content that arms may name.
 * @returns An experiment whose arms may name {@link CANDIDATE} as their encoder: whoever runs it puts its version there.
 */
export function parseExperiment(input: unknown, policies: readonly string[]): ParsedExperiment {
  const parsed = v.safeParse(schema, input, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const { path, message } = toldIssue(issue);
    return refused(path, message);
  }
  const { arms, seed, primary, guardrails, ...rest } = parsed.output;
  const unknown = arms.findIndex(({ policy }) => !policies.includes(policy));
  if (unknown >= 0) return refused(`arms.${unknown}.policy`, `must be one of ${policies.join(", ")}`);
  const equal = 1 / arms.length;
  const experiment: Experiment = {
    ...rest,
    seed: seed ?? rest.name,
    arms: arms.map((one): Arm => ({ ...one, weight: one.weight ?? equal })),
    primary: named(primary),
    guardrails: guardrails.map((one): Guardrail => ({ ...named(one), harmMax: one.harmMax })),
  };
  const names = [experiment.primary, ...experiment.guardrails].map((metric) => metric.name);
  if (!areDistinct(names)) return refused("guardrails", "must be other metrics than the primary one");
  return { kind: "experiment", experiment };
}

/** Without a name a metric is called by what it measures. */
function named<Given extends Measure & Readonly<{ name?: string; per?: Measure }>>(
  metric: Given,
): Given & Pick<Metric, "name"> {
  const { per } = metric;
  return {
    ...metric,
    name:
      metric.name ??
      [metric, per]
        .filter((one) => one !== undefined)
        .map(called)
        .join("/"),
  };
}

function called({ event, measure }: Measure): string {
  return `${event.replaceAll(/[^A-Za-z0-9_-]/g, "_")}.${measure}`;
}

function areDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}

function haveSharesOfAll(arms: readonly { weight?: number }[]): boolean {
  const weights = arms.flatMap(({ weight }) => weight ?? []);
  if (weights.length === 0) return true;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.length === arms.length && Math.abs(total - 1) < WEIGHTS_TOLERANCE;
}

function refused(path: string, message: string): ParsedExperiment {
  return {
    kind: "refused",
    code: "BAD_EXPERIMENT",
    message: `${path === "" ? "the experiment" : path}: ${message}`,
  };
}
