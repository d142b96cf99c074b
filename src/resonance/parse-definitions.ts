import * as v from "valibot";
import type { Condition, SegmentMap } from "./segment-map.ts";

/** What a person wrote, as maps; or where it is wrong and why. */
export type ParsedDefinitions =
  | Readonly<{ kind: "definitions"; maps: readonly SegmentMap[] }>
  | Readonly<{ kind: "refused"; code: "BAD_SEGMENTS"; message: string }>;

const MAPS_MAX = 64;
const SEGMENTS_MAX = 1_024;
const CONDITION_DEPTH_MAX = 16;
const CONDITION_NODES_MAX = 256;
const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };
const BUCKETS_MAX = 40_000;
/** A precision of 1 can't be proven by any number of examples. */
const PRECISION_MIN = 0.01;
const PRECISION_MAX = 0.999;

const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, - or _"));
const trait = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(128),
  v.check((key) => !["__proto__", "constructor", "prototype"].includes(key), "is a reserved word"),
);
const traitValue = v.union([v.string(), v.pipe(v.number(), v.finite()), v.boolean()]);

const condition: v.GenericSchema<unknown, Condition> = v.lazy(() =>
  v.union(
    [
      v.strictObject({ trait, equals: traitValue }),
      v.strictObject({
        trait,
        in: v.pipe(v.array(traitValue), v.minLength(1), v.maxLength(CONDITION_NODES_MAX)),
      }),
      v.strictObject({
        trait,
        range: v.strictObject({ min: v.exactOptional(v.number()), max: v.exactOptional(v.number()) }),
      }),
      v.strictObject({ trait, exists: v.boolean() }),
      v.strictObject({ and: v.pipe(v.array(condition), v.minLength(1)) }),
      v.strictObject({ or: v.pipe(v.array(condition), v.minLength(1)) }),
      v.strictObject({ not: condition }),
    ],
    "must be one of {trait, equals}, {trait, in}, {trait, range}, {trait, exists}, {and}, {or}, {not}",
  ),
);

const bucket = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((given) => (typeof given === "number" ? given : durationMs(given))),
  v.number("must be a duration such as 15m or 1d, or milliseconds"),
  v.integer(),
  v.minValue(1_000, "must be at least a second"),
);

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
            rule: v.exactOptional(condition),
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
  if (!fits(input, { nodes: CONDITION_NODES_MAX * SEGMENTS_MAX })) {
    return refused("", `is nested more than ${CONDITION_DEPTH_MAX} conditions deep, or too large`);
  }
  const parsed = v.safeParse(definitions, input, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    return refused(v.getDotPath(issue) ?? "", issue.message);
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

/** A condition adds two levels (`{and: [..]}`), and four more lead to a rule. */
const DEPTH_MAX = CONDITION_DEPTH_MAX * 2 + 5;

function fits(value: unknown, left: { nodes: number }, depth = 0): boolean {
  if (--left.nodes < 0 || depth > DEPTH_MAX) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every((one) => fits(one, left, depth + 1));
}

function durationMs(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * (UNITS_MS[match[2] ?? ""] ?? Number.NaN);
}
