import { expect, test } from "vitest";
import { parseDefinitions } from "../../src/resonance/parse-definitions.ts";

const refusal = (input: unknown): string => {
  const parsed = parseDefinitions(input);
  if (parsed.kind === "definitions") throw new Error("it was accepted");
  return parsed.message;
};

test("what is left out has its default", () => {
  expect(parseDefinitions({ maps: [{ name: "life", segments: ["a", { name: "b" }] }] })).toEqual({
    kind: "definitions",
    maps: [
      {
        name: "life",
        mode: "exclusive",
        segments: [{ name: "a" }, { name: "b" }],
        window: { bucketMs: 86_400_000, buckets: 30 },
        threshold: { enter: 0.5, minEvidence: 1 },
      },
    ],
  });
});

test("a window's bucket is a duration or milliseconds", () => {
  const bucketOf = (bucket: unknown) => {
    const parsed = parseDefinitions({ maps: [{ name: "m", segments: ["a"], window: { bucket } }] });
    return parsed.kind === "definitions" ? parsed.maps[0]?.window.bucketMs : parsed.code;
  };
  expect(bucketOf("15m")).toBe(900_000);
  expect(bucketOf(60_000)).toBe(60_000);
  expect(bucketOf("soon")).toBe("BAD_SEGMENTS");
});

test("a refusal says where", () => {
  expect(refusal({ maps: [{ name: "m", segments: ["a"], mode: "both" }] })).toContain("maps.0.mode");
  expect(refusal({ maps: [{ name: "m", segments: ["a", "a"] }] })).toContain("distinct");
  expect(refusal({ maps: [{ name: "no blanks", segments: ["a"] }] })).toContain("maps.0.name");
  expect(refusal({ maps: [] })).toContain("at least one map");
  expect(refusal(null)).toContain("the definitions");
});

test("a rule is a tree of safe nodes and nothing else", () => {
  const withRule = (rule: unknown) => ({ maps: [{ name: "m", segments: [{ name: "a", rule }] }] });
  expect(
    parseDefinitions(
      withRule({ and: [{ trait: "n", range: { min: 2 } }, { not: { trait: "x", exists: true } }] }),
    ).kind,
  ).toBe("definitions");
  expect(refusal(withRule("traits.n > 2"))).toContain("rule");
  expect(refusal(withRule({ trait: "__proto__", exists: true }))).toContain("rule");
  let deep: unknown = { trait: "x", exists: true };
  for (let i = 0; i < 10_000; i++) deep = { not: deep };
  expect(refusal(withRule(deep))).toContain("deep");
});
