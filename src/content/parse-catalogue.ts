import * as v from "valibot";
import { isPrintable } from "../events/check-text.ts";
import { isoTimeMs } from "../events/iso-time.ts";
import { LIMITS } from "../events/limits.ts";
import { toldIssue } from "../events/told-issue.ts";
import {
  CONDITION_DEPTH_MAX,
  CONDITION_NODES_MAX,
  conditionSchema,
  isWithin,
} from "../resonance/condition-schema.ts";
import { durationSchema, nameSchema } from "../resonance/definition-schemas.ts";
import type { ContentCatalogue } from "./catalogue.ts";
import { POLICY_NAMES } from "./policy.ts";

/** What a person wrote, as a catalogue; or where it is wrong and why. */
export type ParsedCatalogue =
  | Readonly<{ kind: "catalogue"; catalogue: Omit<ContentCatalogue, "version"> }>
  | Readonly<{ kind: "refused"; code: "BAD_CONTENT"; message: string }>;

export const CATALOGUE_LIMITS = {
  placements: 64,
  /** In all placements together. */
  contents: 4_096,
  /** Of one placement: a decision weighs each of them. */
  contentsPerPlacement: 256,
  /** Impressions of a cap. */
  impressions: 1_000,
  /** A click later than this belongs to another visit; contexts remember impressions for so long. */
  timeoutMs: 86_400_000,
} as const;

const MINUTE_MS = 60_000;
/** Levels from the top to a condition: the object, `items`, an item, `eligible`. */
const CONDITION_LEVELS = 4;
/** Nodes of an item without its condition. */
const ITEM_NODES = CATALOGUE_LIMITS.placements + 16;

const contentId = v.pipe(
  v.string(),
  v.check(
    (id) => id.length >= 1 && id.length <= LIMITS.idChars && isPrintable(id),
    `must have 1 to ${LIMITS.idChars} printable characters`,
  ),
);

const time = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((given) => (typeof given === "number" ? given : isoTimeMs(given))),
  v.number("must be epoch milliseconds, or an ISO 8601 time with its zone"),
  v.integer(),
  v.minValue(LIMITS.earliestMs, "is before 1990: is it in seconds instead of milliseconds?"),
);

const placement = v.strictObject({
  name: nameSchema,
  map: nameSchema,
  policy: v.optional(v.picklist(POLICY_NAMES), "mixture"),
  floor: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.02),
  timeout: v.optional(
    v.pipe(
      durationSchema,
      v.minValue(MINUTE_MS, "must be at least a minute"),
      v.maxValue(CATALOGUE_LIMITS.timeoutMs, "must be a day at most"),
    ),
    "30m",
  ),
  examination: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
  purchaseWeight: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000)), 0),
});

const item = v.pipe(
  v.strictObject({
    id: contentId,
    placements: v.pipe(
      v.array(nameSchema),
      v.minLength(1, "must name at least one placement"),
      v.maxLength(CATALOGUE_LIMITS.placements),
      v.check((names) => areDistinct(names), "must be distinct"),
    ),
    eligible: v.exactOptional(conditionSchema),
    from: v.exactOptional(time),
    until: v.exactOptional(time),
    cap: v.exactOptional(
      v.strictObject({
        impressions: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(CATALOGUE_LIMITS.impressions)),
        per: v.pipe(durationSchema, v.minValue(MINUTE_MS, "must be at least a minute")),
      }),
    ),
  }),
  v.check(
    ({ from, until }) => from === undefined || until === undefined || from < until,
    "must end after it begins",
  ),
);

const catalogue = v.strictObject({
  placements: v.pipe(
    v.array(placement),
    v.minLength(1, "must define at least one placement"),
    v.maxLength(CATALOGUE_LIMITS.placements),
    v.check((all) => areDistinct(all.map(({ name }) => name)), "must have distinct names"),
  ),
  items: v.pipe(
    v.array(item),
    v.maxLength(CATALOGUE_LIMITS.contents),
    v.check((all) => areDistinct(all.map(({ id }) => id)), "must have distinct ids"),
  ),
});

/**
 * Validates a catalogue of contents; docs/content.md describes it.
 *
 * @param input - Parsed JSON or MessagePack, from outside.
 * @param maps - Names of the maps in force, to which placements must keep; not looked at if left out.
 */
export function parseCatalogue(input: unknown, maps?: readonly string[]): ParsedCatalogue {
  // Before the schema, which recurses: a tree that is too deep must not reach it.
  const nodes = (CONDITION_NODES_MAX + ITEM_NODES) * CATALOGUE_LIMITS.contents;
  if (!isWithin(input, { nodes, outerLevels: CONDITION_LEVELS }))
    return refused("", `is nested more than ${CONDITION_DEPTH_MAX} conditions deep, or too large`);
  const parsed = v.safeParse(catalogue, input, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const { path, message } = toldIssue(issue);
    return refused(path, message);
  }
  const { placements, items } = parsed.output;
  for (const [at, { map }] of placements.entries())
    if (maps !== undefined && !maps.includes(map))
      return refused(`placements.${at}.map`, `there is no such map; defined: ${maps.join(", ")}`);
  const shown = new Map(placements.map(({ name }) => [name, 0]));
  for (const [at, one] of items.entries()) {
    for (const name of one.placements) {
      const before = shown.get(name);
      if (before === undefined)
        return refused(`items.${at}.placements`, "names a placement that there is none of");
      if (before === CATALOGUE_LIMITS.contentsPerPlacement)
        return refused(
          `items.${at}.placements`,
          `a placement may have ${CATALOGUE_LIMITS.contentsPerPlacement} items at most`,
        );
      shown.set(name, before + 1);
    }
  }
  return {
    kind: "catalogue",
    catalogue: {
      placements: placements.map(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout })),
      contents: items.map(({ from, until, cap, ...rest }) => ({
        ...rest,
        ...(from === undefined ? {} : { fromMs: from }),
        ...(until === undefined ? {} : { untilMs: until }),
        ...(cap === undefined ? {} : { cap: { impressions: cap.impressions, perMs: cap.per } }),
      })),
    },
  };
}

function refused(path: string, message: string): ParsedCatalogue {
  return {
    kind: "refused",
    code: "BAD_CONTENT",
    message: `${path === "" ? "the catalogue" : path}: ${message}`,
  };
}

function areDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
