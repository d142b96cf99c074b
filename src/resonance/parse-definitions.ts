import * as v from "valibot";
import { toldIssue } from "../events/told-issue.ts";
import { CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, conditionSchema, isWithin } from "./condition-schema.ts";
import { durationSchema, nameSchema as name } from "./definition-schemas.ts";
import type { SegmentMap } from "./segment-map.ts";

/** What a person wrote, as maps; or where it is wrong and why. */
export type ParsedDefinitions =
  | Readonly<{ kind: "definitions"; maps: readonly SegmentMap[] }>
  | Readonly<{ kind: "refused"; code: "BAD_SEGMENTS"; message: string }>;

const MAPS_MAX = 64;
const SEGMENTS_MAX = 1_024;
/** Levels from the top to a rule: the object, `maps`, a map, `segments`, a segment. */
const RULE_LEVELS = 5;
const BUCKETS_MAX = 40_000;
/** A precision of 1 can't be proven by any number of examples. */
const PRECISION_MIN = 0.01;
const PRECISION_MAX = 0.999;

const bucket = v.pipe(durationSchema, v.minValue(1_000, "must be at least a second"));

const minEvidence = v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 1);
const share = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));

const threshold = v.union(
  [
    v.strictObject({ enter: v.optional(share, 0.5), minEvidence }),
    v.strictObject({
      precision: v.pipe(v.number(), v.minValue(PRECISION_MIN), v.maxValue(PRECISION_MAX)),
      confidence: v.optional(v.pipe(v.number(), v.minValue(0.5), v.maxValue(PRECISION_MAX)), 0.95),
      minEvidence,
    }),
  ],
  "must be {enter, minEvidence} with enter between 0 and 1, or {precision, confidence, minEvidence} with a precision of 0.01 to 0.999 and a confidence of 0.5 to 0.999",
);

const map = v.strictObject({
  name,
  mode: v.optional(v.picklist(["exclusive", "independent"]), "exclusive"),
  segments: v.pipe(
    v.array(
      v.union(
        [
          v.pipe(
            name,
            v.transform((segment) => ({ name: segment })),
          ),
          v.strictObject({
            name,
            rule: v.exactOptional(conditionSchema),
            threshold: v.exactOptional(threshold),
          }),
        ],
        "must be a name, or {name, rule, threshold} with a rule of the nodes in docs/segments.md",
      ),
    ),
    v.minLength(1, "must name at least one segment"),
    v.maxLength(SEGMENTS_MAX),
    v.check(
      (segments) => new Set(segments.map((one) => one.name)).size === segments.length,
      "must have distinct names",
    ),
  ),
  window: v.optional(
    v.strictObject({
      bucket: v.optional(bucket, "1d"),
      buckets: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(BUCKETS_MAX)), 30),
    }),
    {},
  ),
  threshold: v.optional(threshold, {}),
  prior: v.exactOptional(v.picklist(["members", "traffic"])),
});

const definitions = v.strictObject({
  maps: v.pipe(
    v.array(map),
    v.minLength(1, "must define at least one map"),
    v.maxLength(MAPS_MAX),
    v.check((maps) => new Set(maps.map((one) => one.name)).size === maps.length, "must have distinct names"),
  ),
});

/**
 * Validates the definitions of maps and segments; docs/segments.md describes them.
 *
 * @param input - Parsed JSON or MessagePack, from outside.
 */
export function parseDefinitions(input: unknown): ParsedDefinitions {
  // Before the schema, which recurses: a tree that is too deep must not reach it.
  if (!isWithin(input, { nodes: CONDITION_NODES_MAX * SEGMENTS_MAX, outerLevels: RULE_LEVELS })) {
    return refused("", `is nested more than ${CONDITION_DEPTH_MAX} conditions deep, or too large`);
  }
  const parsed = v.safeParse(definitions, input, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const { path, message } = toldIssue(issue);
    return refused(path, message);
  }
  const maps = parsed.output.maps.map(({ window, ...rest }) => ({
    ...rest,
    window: { bucketMs: window.bucket, buckets: window.buckets },
  }));
  return { kind: "definitions", maps };
}

function refused(path: string, message: string): ParsedDefinitions {
  return {
    kind: "refused",
    code: "BAD_SEGMENTS",
    message: `${path === "" ? "the definitions" : path}: ${message}`,
  };
}
