import * as v from "valibot";
import { toldIssue } from "../../events/told-issue.ts";
import { FEATURES } from "../../features/all-families.ts";
import { unaryFrom } from "../location/randomised-response.ts";
import { PURPOSES_MAX } from "./consent-rules.ts";
import { DEFAULT_FAMILIES, DEFAULT_POLICY, type PrivacyPolicy } from "./policy.ts";
import { PURPOSES } from "./purposes.ts";

/** What a person wrote, as a policy; or where it is wrong and why. */
export type ParsedPolicy =
  | Readonly<{ kind: "policy"; policy: Omit<PrivacyPolicy, "version"> }>
  | Readonly<{ kind: "refused"; code: "BAD_POLICY"; message: string }>;

/** Words for several families of features at once, as the README groups them. */
export const FAMILY_GROUPS: Readonly<Record<string, readonly string[]>> = {
  temporal: ["activity", "rhythm", "gaps"],
  velocity: ["velocity"],
  content: ["categories", "keywords", "mood"],
  interaction: ["actions", "partners", "social"],
  commerce: ["commerce", "ratings"],
  place: ["place"],
  context: ["origin", "changes"],
};

const FAMILY_NAMES = FEATURES.families.map(({ name }) => name);
const REGIONS_MAX = 64;
/** Countries there are, and some. */
const COUNTRIES_MAX = 300;
/** Cells are no finer than those that are stored without randomised response. */
const CELL = /^[0-9bcdefghjkmnpqrstuvwxyz]{1,4}$/;
const EPSILON_MAX = 10;
const CELLS_MAX = 4_096;

const purpose = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_-]{0,31}$/, "must be 1 to 32 lower-case letters, digits, - or _, a letter first"),
);
const rules = v.record(purpose, v.picklist(["opt-in", "opt-out"], "must be opt-in or opt-out"));
const place = v.pipe(v.string(), v.minLength(1), v.maxLength(64), v.toLowerCase());

const region = v.strictObject({
  countries: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.regex(/^[A-Za-z]{2}$/, "must be a country's two letters"), v.toLowerCase()),
      ),
      v.maxLength(COUNTRIES_MAX),
    ),
    [],
  ),
  regions: v.optional(v.pipe(v.array(place), v.maxLength(COUNTRIES_MAX)), []),
  purposes: rules,
});

const policy = v.strictObject({
  purposes: v.optional(rules, {}),
  families: v.optional(v.record(v.string(), purpose), {}),
  regions: v.optional(v.record(place, region), {}),
  location: v.exactOptional(
    v.strictObject({
      epsilon: v.pipe(v.number(), v.gtValue(0), v.maxValue(EPSILON_MAX)),
      cells: v.pipe(
        v.array(v.pipe(v.string(), v.regex(CELL, "must be a geohash of 1 to 4 characters"))),
        v.minLength(1, "must name at least one cell"),
        v.maxLength(CELLS_MAX),
      ),
    }),
  ),
});

/** Validates a policy of consent; docs/privacy.md describes it. @param input - Parsed JSON or MessagePack, from outside. */
export function parsePolicy(input: unknown): ParsedPolicy {
  if (Array.isArray(input)) return refused("", "must be an object");
  const parsed = v.safeParse(policy, input, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const { path, message } = toldIssue(issue);
    return refused(path, message);
  }
  const { purposes: given, families: mapped, regions, location } = parsed.output;
  const purposes = { ...DEFAULT_POLICY.purposes, ...given };
  if (Object.keys(purposes).length > PURPOSES_MAX)
    return refused("purposes", `may have ${PURPOSES_MAX} purposes, ${PURPOSES.join(", ")} among them`);
  const unknown = (named: string): string =>
    `there is no purpose "${named}": ${Object.keys(purposes).join(", ")}`;
  const families: Record<string, string> = { ...DEFAULT_FAMILIES };
  // Groups first: a family that is named by itself is an exception to its group.
  const byGroup = Object.entries(mapped).sort(([a], [b]) => Number(isGroup(b)) - Number(isGroup(a)));
  for (const [name, needed] of byGroup) {
    const named = isGroup(name) ? (FAMILY_GROUPS[name] ?? []) : [name];
    if (!named.every((one) => FAMILY_NAMES.includes(one))) {
      const known = [...Object.keys(FAMILY_GROUPS), ...FAMILY_NAMES].join(", ");
      return refused(`families.${name}`, `there is no such family of features: ${known}`);
    }
    if (!Object.hasOwn(purposes, needed)) return refused(`families.${name}`, unknown(needed));
    for (const family of named) families[family] = needed;
  }
  if (Object.keys(regions).length > REGIONS_MAX) return refused("regions", `may have ${REGIONS_MAX} at most`);
  for (const [name, { purposes: ruled }] of Object.entries(regions))
    for (const one of Object.keys(ruled))
      if (!Object.hasOwn(purposes, one)) return refused(`regions.${name}.purposes`, unknown(one));
  const wrong = location === undefined ? undefined : wrongCells(location);
  if (wrong !== undefined) return refused("location.cells", wrong);
  return {
    kind: "policy",
    policy: {
      purposes,
      families,
      regions: Object.entries(regions).map(([name, { countries, regions: names, purposes: ruled }]) => ({
        name,
        countries,
        regions: [...new Set([name, ...names])],
        purposes: ruled,
      })),
      ...(location === undefined ? {} : { location }),
    },
  };
}

/** A name that is a group's and a family's is the group's where that has more than the family. */
function isGroup(name: string): boolean {
  return Object.hasOwn(FAMILY_GROUPS, name);
}

function wrongCells({
  epsilon,
  cells,
}: Readonly<{ epsilon: number; cells: readonly string[] }>): string | undefined {
  if (new Set(cells).size < cells.length) return "must be distinct";
  const inside = cells.find((cell) => cells.some((other) => other !== cell && cell.startsWith(other)));
  if (inside !== undefined) return `"${inside}" lies in another one of them`;
  // An event has one cell. Beyond this number a single answer would say less than a bit for each cell does.
  const most = Math.ceil(unaryFrom(epsilon)) - 1;
  if (cells.length + 1 > most)
    return `${cells.length} are too many for an epsilon of ${epsilon}, with which ${most - 1} are possible: name fewer, coarser ones, or raise it`;
  return undefined;
}

function refused(path: string, message: string): ParsedPolicy {
  return { kind: "refused", code: "BAD_POLICY", message: `${path === "" ? "the policy" : path}: ${message}` };
}
