import { expect, test } from "vitest";
import { parsePolicy } from "../../../src/privacy/consent/parse-policy.ts";
import { DEFAULT_POLICY } from "../../../src/privacy/consent/policy.ts";

function policyOf(file: unknown) {
  const parsed = parsePolicy(file);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return parsed.policy;
}

test("an empty file is the engine's own policy", () => {
  expect({ version: 0, ...policyOf({}) }).toEqual(DEFAULT_POLICY);
});

test("a file says only what differs, and words for groups stand for their families", () => {
  const policy = policyOf({
    purposes: { analytics: "opt-in", shopping: "opt-out" },
    families: { commerce: "shopping", ratings: "analytics" },
    regions: { EU: { countries: ["DE", "at"], purposes: { personalisation: "opt-in" } } },
  });
  expect(policy.purposes).toEqual({ ...DEFAULT_POLICY.purposes, analytics: "opt-in", shopping: "opt-out" });
  expect(policy.families).toMatchObject({ commerce: "shopping", ratings: "analytics", place: "location" });
  expect(policy.regions).toEqual([
    { name: "eu", countries: ["de", "at"], regions: ["eu"], purposes: { personalisation: "opt-in" } },
  ]);
});

test.for([
  [[], "the policy"],
  [{ purpose: {} }, "its field number 1 is unknown here"],
  [{ purposes: { location: "never" } }, "must be opt-in or opt-out"],
  [{ purposes: { "Not A Word": "opt-in" } }, "lower-case letters"],
  [{ families: { shoes: "location" } }, "no such family of features: temporal"],
  [{ families: { place: "nowhere" } }, 'no purpose "nowhere"'],
  [{ regions: { eu: { countries: ["DEU"], purposes: {} } } }, "two letters"],
  [{ regions: { eu: { purposes: { shopping: "opt-in" } } } }, 'no purpose "shopping"'],
  [
    { purposes: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`p${i}`, "opt-in"])) },
    "15 purposes",
  ],
  [{ location: { epsilon: 0, cells: ["u2"] } }, "location.epsilon"],
  [{ location: { epsilon: 1, cells: [] } }, "at least one cell"],
  [{ location: { epsilon: 1, cells: ["u2a"] } }, "geohash"],
  [{ location: { epsilon: 1, cells: ["u28", "u2"] } }, '"u28" lies in another'],
  [{ location: { epsilon: 1, cells: ["u2", "u2"] } }, "distinct"],
] as const)("what is wrong is told, with its place: %j", ([file, reason]) => {
  expect(parsePolicy(file)).toMatchObject({
    kind: "refused",
    code: "BAD_POLICY",
    message: expect.stringContaining(reason),
  });
});

test("an epsilon has room for so many cells, beyond which one cell a report says too little", () => {
  const cells = [..."0123456789bcdefghjkmnpqrstuvwxyz"];
  const with_ = (epsilon: number, count: number) =>
    parsePolicy({ location: { epsilon, cells: cells.slice(0, count) } }).kind;
  expect(with_(1, 9)).toBe("policy"); // 3 e + 2 is 10.15, and elsewhere is one of them.
  expect(with_(1, 10)).toBe("refused");
  expect(with_(2, 23)).toBe("policy");
  expect(with_(2, 24)).toBe("refused");
});
