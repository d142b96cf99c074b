import fc from "fast-check";
import { expect, test } from "vitest";
import { ConsentRules, DEFAULT_RULES } from "../../../src/privacy/consent/consent-rules.ts";
import { UNKNOWN_JURISDICTION } from "../../../src/privacy/consent/jurisdiction.ts";
import { parsePolicy } from "../../../src/privacy/consent/parse-policy.ts";
import { PURPOSES } from "../../../src/privacy/consent/purposes.ts";

const someRule = fc.constantFrom("opt-in" as const, "opt-out" as const);
const someRules = fc.dictionary(fc.constantFrom(...PURPOSES), someRule);
const somePolicy = fc.record({
  purposes: someRules,
  regions: fc.dictionary(
    fc.constantFrom("eu", "west", "isles"),
    fc.record({
      countries: fc.subarray(["de", "fr", "us"]),
      regions: fc.subarray(["bavaria", "us-ca"]),
      purposes: someRules,
    }),
  ),
});
const somePlace = fc.record({
  country: fc.constantFrom("", "de", "fr", "us", "jp"),
  region: fc.constantFrom("", "eu", "bavaria", "us-ca", "nowhere"),
});
const someAnswers = fc.dictionary(fc.constantFrom(...PURPOSES, "other"), fc.boolean());

function rulesOf(file: unknown): ConsentRules {
  const parsed = parsePolicy(file);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return new ConsentRules({ version: 1, ...parsed.policy });
}

function isAllowed(rules: ConsentRules, allowed: number, purpose: string): boolean {
  return (allowed & rules.bitOf(purpose)) !== 0;
}

test("an answer decides whatever the rules are, in an event and in what is remembered alike", () => {
  const holds = (
    policy: unknown,
    place: Parameters<ConsentRules["allowed"]>[1],
    given: Record<string, boolean>,
  ) => {
    const rules = rulesOf(policy);
    const allowed = rules.allowedIn(given, place);
    expect(rules.allowed(new Map(Object.entries(given)), place)).toBe(allowed);
    for (const purpose of PURPOSES)
      if (given[purpose] !== undefined) expect(isAllowed(rules, allowed, purpose)).toBe(given[purpose]);
  };
  fc.assert(fc.property(somePolicy, somePlace, someAnswers, holds));
});

test("where it is not known which rules hold, nothing is allowed that any of them forbids", () => {
  const holds = (policy: unknown, place: Parameters<ConsentRules["allowed"]>[1]) => {
    const rules = rulesOf(policy);
    const unknown = rules.allowedIn(undefined, UNKNOWN_JURISDICTION);
    // What is allowed somewhere nobody knows is allowed elsewhere; "laxer" regions make nothing stricter.
    expect(unknown & ~rules.allowedIn(undefined, { country: "jp", region: "" })).toBe(0);
    const here = rules.allowedIn(undefined, place);
    const stricter = rules.policy.regions.every(({ purposes }) =>
      Object.values(purposes).every((one) => one === "opt-in"),
    );
    if (stricter) expect(unknown & ~here).toBe(0);
  };
  fc.assert(fc.property(somePolicy, somePlace, holds));
});

test("a region is known by its countries, its own name and the names it is given; of several the strictest holds", () => {
  const rules = rulesOf({
    regions: {
      eu: { countries: ["DE"], purposes: { personalisation: "opt-in" } },
      bavaria: { regions: ["DE-BY"], purposes: { analytics: "opt-in", location: "opt-out" } },
    },
  });
  const at = (country: string, region = "") => {
    const allowed = rules.allowedIn(undefined, { country, region });
    return PURPOSES.filter((purpose) => isAllowed(rules, allowed, purpose));
  };
  expect(at("de")).toEqual(["analytics"]);
  expect(at("", "eu")).toEqual(["analytics"]);
  expect(at("de", "de-by")).toEqual([]); // To location one of them says no.
  expect(at("", "de-by")).toEqual(["personalisation", "location"]);
  expect(at("us")).toEqual(["personalisation", "analytics"]);
  expect(at("", "nowhere")).toEqual([]);
  expect(at("us", "nowhere")).toEqual(["personalisation", "analytics"]);
});

test("by the engine's own policy, words of a search stay until text is refused, and nothing else needs them gone", () => {
  const { families } = DEFAULT_RULES.restrictions(DEFAULT_RULES.allowedIn(undefined, UNKNOWN_JURISDICTION));
  const refused = DEFAULT_RULES.restrictions(DEFAULT_RULES.allowedIn({ text: false }, UNKNOWN_JURISDICTION));
  expect(refused.families & ~families).toBe(
    DEFAULT_RULES.forgotten(DEFAULT_RULES.bitOf("text")).families & ~families,
  );
  expect(refused.families & ~families).not.toBe(0);
});
