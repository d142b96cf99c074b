import type { TraitValue } from "../events/event.ts";
import { assertNever } from "../kernel/assert.ts";
import type { Condition } from "./segment-map.ts";

/** Whether a user's traits pass a condition. A trait that is not there passes only `exists: false` and `not`. */
export function passes(condition: Condition, traits: ReadonlyMap<string, TraitValue>): boolean {
  if ("and" in condition) return condition.and.every((one) => passes(one, traits));
  if ("or" in condition) return condition.or.some((one) => passes(one, traits));
  if ("not" in condition) return !passes(condition.not, traits);
  const value = traits.get(condition.trait);
  if ("exists" in condition) return (value !== undefined) === condition.exists;
  if ("equals" in condition) return value === condition.equals;
  if ("in" in condition) return value !== undefined && condition.in.includes(value);
  if ("range" in condition) {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = condition.range;
    return typeof value === "number" && value >= min && value <= max;
  }
  return assertNever(condition);
}
