import * as v from "valibot";
import type { Condition } from "./segment-map.ts";

/** Conditions inside each other, and nodes of one, at most. */
export const CONDITION_DEPTH_MAX = 16;
export const CONDITION_NODES_MAX = 256;

const trait = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(128),
  v.check((key) => !["__proto__", "constructor", "prototype"].includes(key), "is a reserved word"),
);
const traitValue = v.union([v.string(), v.pipe(v.number(), v.finite()), v.boolean()]);

/** A condition on traits, as people write it: docs/segments.md. It recurses: ask {@link isWithin} first. */
export const conditionSchema: v.GenericSchema<unknown, Condition> = v.lazy(() =>
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
      v.strictObject({ and: v.pipe(v.array(conditionSchema), v.minLength(1)) }),
      v.strictObject({ or: v.pipe(v.array(conditionSchema), v.minLength(1)) }),
      v.strictObject({ not: conditionSchema }),
    ],
    "must be one of {trait, equals}, {trait, in}, {trait, range}, {trait, exists}, {and}, {or}, {not}",
  ),
);

/**
 * Whether something from outside is small enough to be handed to a schema that recurses.
 *
 * @param most - `nodes` in all; `outerLevels` that lead to a condition.
 */
export function isWithin(
  value: unknown,
  { nodes, outerLevels }: { readonly nodes: number; readonly outerLevels: number },
): boolean {
  // A condition adds two levels: `{and: [..]}`.
  return fits(value, { nodes, levels: CONDITION_DEPTH_MAX * 2 + outerLevels }, 0);
}

function fits(value: unknown, left: { nodes: number; readonly levels: number }, depth: number): boolean {
  if (--left.nodes < 0 || depth > left.levels) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every((one) => fits(one, left, depth + 1));
}
