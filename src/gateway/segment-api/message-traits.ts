import { isText } from "../../events/check-text.ts";
import type { TraitValue } from "../../events/event.ts";
import { LIMITS } from "../../events/limits.ts";
import type { Fields } from "./read-value.ts";

/**
 * Reserved traits of Segment's specification that name a person, or tell where they live: no segment needs them, so they are not kept.
 * docs/segment-api.md lists them.
 */
export const IDENTIFYING: ReadonlySet<string> = new Set([
  "address",
  "avatar",
  "birthday",
  "description",
  "email",
  "firstname",
  "id",
  "ip",
  "lastname",
  "name",
  "phone",
  "username",
  "website",
]);

/** Not a trait: which segments somebody belongs to. */
const SEGMENTS = "segments";
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * What segments' rules may ask of a user. Objects are taken apart one level deep (`company.plan`); lists, deeper objects, what names a person and what events do
 * not take are left out.
 *
 * @param traits - As the message has them.
 * @param prefix - Goes before each name, with a dot: traits of a group are not those of the user.
 * @returns As many as an event may have, in the order of the message; undefined if there are none.
 */
export function messageTraits(traits: Fields, prefix = ""): Readonly<Record<string, TraitValue>> | undefined {
  const kept = new Map<string, TraitValue>();
  collect(traits, prefix, kept, 1);
  return kept.size === 0 ? undefined : Object.fromEntries(kept);
}

/** The labels of a user by map; undefined if none were sent. What is no label is passed on as 0, which is refused with its place. */
export function messageSegments(traits: Fields): Fields | 0 | undefined {
  const segments = traits[SEGMENTS];
  if (segments === undefined || segments === null) return undefined;
  if (!isObject(segments)) return 0;
  const labels = Object.entries(segments).map(([map, label]) => [map, isLabel(label) ? label : 0] as const);
  return Object.fromEntries(labels);
}

function isLabel(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function collect(traits: Fields, prefix: string, kept: Map<string, TraitValue>, levels: number): void {
  for (const [key, value] of Object.entries(traits)) {
    if (kept.size === LIMITS.recordEntries) return;
    if (FORBIDDEN_KEYS.has(key) || IDENTIFYING.has(key.toLowerCase())) continue;
    if (prefix === "" && key === SEGMENTS) continue;
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (key === "" || !isText(name, LIMITS.keyBytes)) continue;
    if (isTrait(value)) kept.set(name, value);
    else if (levels > 0 && isObject(value)) collect(value, name, kept, levels - 1);
  }
}

function isTrait(value: unknown): value is TraitValue {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "boolean" || isText(value, LIMITS.textBytes);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
