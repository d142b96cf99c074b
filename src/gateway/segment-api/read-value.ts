import { checkId, isText } from "../../events/check-text.ts";
import { LIMITS } from "../../events/limits.ts";

/** An object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

const NOTHING: Fields = {};
const NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;

/** The object that a value is; an empty one for whatever else. */
export function fieldsIn(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : NOTHING;
}

/** The list that a value is; an empty one for whatever else. */
export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A value as an id, whether that is a good one or not: clients send numbers, too. Undefined for an empty text. */
export function givenId(value: unknown): string | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The first of some values that can be an id as events take it. */
export function firstId(...values: readonly unknown[]): string | undefined {
  for (const value of values) {
    const id = givenId(value);
    if (id !== undefined && checkId(id, "") === undefined) return id;
  }
  return undefined;
}

/** The first of some values that is a text as events take it, and not empty. */
export function firstText(...values: readonly unknown[]): string | undefined {
  return values.find(
    (value): value is string => typeof value === "string" && value !== "" && isText(value, LIMITS.textBytes),
  );
}

/** The first of some values that is a number, or a text that says one: prices often come as texts. */
export function firstNumber(...values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const number = typeof value === "string" && NUMBER.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
  }
  return undefined;
}
