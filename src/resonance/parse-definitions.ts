import * as v from "valibot";
import { toldIssue } from "../events/told-issue.ts";
import { CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, conditionSchema, isWithin } from "./condition-schema.ts";
import { durationSchema, nameSchema as name } from "./definition-schemas.ts";
import type { MapPrivacy, SegmentMap } from "./segment-map.ts";

/** What a person wrote, as maps; or where it is wrong and why. */
export type ParsedDefinitions =
  | Readonly<{ kind: "definitions"; maps: readonly SegmentMap[] }>
  | Readonly<{ kind: "refused"; code: "BAD_SEGMENTS"; message: string }>;

const MAPS_MAX = 64;
const SEGMENTS_MAX = 1_024;
/** Levels from the top to a rule: the object, `maps`, a map, `segments`, a segment. */
const RULE_LEVELS = 5;
const BUCKETS_MAX = 40_000;
const DEFAULT_BUCKETS = 30;
/** A precision of 1 can't be proven by any number of examples. */
const PRECISION_MIN = 0.01;
const PRECISION_MAX = 0.999;

/** A private map keeps its noisy buckets one by one, and its budget is looked at window by window. */
const PRIVATE_BUCKETS_MAX = 400;
const DAYS_OF_A_WEEK = 7;
/** A tenth of a bucket, but no more than an hour, waits for late samples. */
const GRACE_SHARE = 0.1;
const GRACE_MS_MAX = 3_600_000;

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

const privacy = v.strictObject({
  epsilon: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(100)), 1),
  delta: v.optional(v.pipe(v.number(), v.minValue(1e-15), v.maxValue(0.01)), 1e-6),
  contributions: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  minMembers: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)), 20),
  versions: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)), 2),
  closedBy: v.optional(v.picklist(["clock", "events"]), "clock"),
  grace: v.exactOptional(v.pipe(durationSchema, v.minValue(0))),
});

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
      buckets: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(BUCKETS_MAX))),
    }),
    {},
  ),
  threshold: v.optional(threshold, {}),
  prior: v.exactOptional(v.picklist(["members", "traffic"])),
  privacy: v.exactOptional(privacy),
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
  const maps: SegmentMap[] = [];
  for (const [m, { window: given, privacy: asked, ...rest }] of parsed.output.maps.entries()) {
    const buckets = given.buckets ?? (asked === undefined ? DEFAULT_BUCKETS : DAYS_OF_A_WEEK);
    const window = { bucketMs: given.bucket, buckets };
    if (asked === undefined) {
      maps.push({ ...rest, window });
      continue;
    }
    const settings = privacyIn(window, asked);
    if (typeof settings === "string") return refused(`maps.${m}.privacy`, settings);
    maps.push({ ...rest, window, privacy: settings });
  }
  return { kind: "definitions", maps };
}

/** What a person asked for, with what follows from the window; or why it can't be. */
function privacyIn(
  { bucketMs, buckets }: SegmentMap["window"],
  { contributions = buckets, grace, ...rest }: v.InferOutput<typeof privacy>,
): MapPrivacy | string {
  if (buckets > PRIVATE_BUCKETS_MAX) return `a private map has at most ${PRIVATE_BUCKETS_MAX} buckets`;
  if (contributions > buckets) return `contributions may not be more than the window's ${buckets} buckets`;
  const graceMs = grace ?? Math.floor(Math.min(GRACE_SHARE * bucketMs, GRACE_MS_MAX));
  if (graceMs > bucketMs) return "grace may not be longer than a bucket";
  const { epsilon, delta, minMembers, versions, closedBy } = rest;
  return { epsilon, delta, contributions, minMembers, versions, graceMs, closedBy };
}

function refused(path: string, message: string): ParsedDefinitions {
  return {
    kind: "refused",
    code: "BAD_SEGMENTS",
    message: `${path === "" ? "the definitions" : path}: ${message}`,
  };
}
