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

test("a threshold is a probability, or a precision with its confidence; a segment may have its own", () => {
  const thresholdOf = (threshold: unknown) => {
    const parsed = parseDefinitions({ maps: [{ name: "m", segments: ["a"], threshold }] });
    return parsed.kind === "definitions" ? parsed.maps[0]?.threshold : parsed.message;
  };
  expect(thresholdOf({})).toEqual({ enter: 0.5, minEvidence: 1 });
  expect(thresholdOf({ precision: 0.9 })).toEqual({ precision: 0.9, confidence: 0.95, minEvidence: 1 });
  expect(thresholdOf({ precision: 0.8, confidence: 0.9, minEvidence: 3 })).toEqual({
    precision: 0.8,
    confidence: 0.9,
    minEvidence: 3,
  });
  for (const bad of [
    { precision: 1 },
    { precision: 0.9, enter: 0.5 },
    { precision: 0.9, confidence: 1 },
    { enter: 1 },
  ])
    expect(thresholdOf(bad)).toMatch(/^maps\.0\.threshold: must be/);
  const own = { name: "a", threshold: { precision: 0.95 } };
  const parsed = parseDefinitions({ maps: [{ name: "m", segments: [own, "b"] }] });
  expect(parsed).toMatchObject({
    maps: [{ segments: [{ name: "a", threshold: { precision: 0.95, confidence: 0.95 } }, { name: "b" }] }],
  });
});

test("a map starts from the members' shares, or the traffic's; what is left out is not written down", () => {
  const mapOf = (given: object) => {
    const parsed = parseDefinitions({ maps: [{ name: "m", segments: ["a"], ...given }] });
    return parsed.kind === "definitions" ? parsed.maps[0] : parsed.message;
  };
  expect(mapOf({ prior: "traffic" })).toMatchObject({ prior: "traffic" });
  expect(mapOf({})).not.toHaveProperty("prior");
  expect(mapOf({ prior: "nobody" })).toContain("maps.0.prior");
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

test("a private map has a week by day, room for two versions, and an hour for late samples, if nothing else is said", () => {
  const parsed = parseDefinitions({ maps: [{ name: "life", segments: ["a"], privacy: {} }] });
  expect(parsed).toMatchObject({
    maps: [
      {
        window: { bucketMs: 86_400_000, buckets: 7 },
        privacy: {
          epsilon: 1,
          delta: 1e-6,
          contributions: 7,
          minMembers: 20,
          versions: 2,
          graceMs: 3_600_000,
          closedBy: "clock",
        },
      },
    ],
  });
});

test.for([
  [{ epsilon: 0 }, "epsilon"],
  [{ delta: 0.1 }, "delta"],
  [{ contributions: 8 }, "contributions may not be more than the window's 7 buckets"],
  [{ minMembers: 0 }, "minMembers"],
  [{ versions: 1.5 }, "versions"],
  [{ grace: "2d" }, "grace may not be longer than a bucket"],
  [{ closedBy: "chance" }, "closedBy"],
  [{ epsilno: 1 }, "field number 1 is unknown here"],
] as const)("privacy with %j is refused, and the place is told", ([privacy, told]) => {
  const window = { bucket: "1d", buckets: 7 };
  const message = refusal({ maps: [{ name: "life", segments: ["a"], window, privacy }] });
  expect(message).toContain("maps.0.privacy");
  expect(message).toContain(told);
});

test("a private map's window has a limit", () => {
  const window = { bucket: "1h", buckets: 401 };
  expect(refusal({ maps: [{ name: "m", segments: ["a"], window, privacy: {} }] })).toContain("400 buckets");
});
