import { expect, test } from "vitest";
import { signedBar } from "../../../src/cli/view/bars.ts";
import { drawExplanation } from "../../../src/cli/view/draw-explanation.ts";
import type { ExplainReply } from "../../../src/explain.ts";

const REPLY: ExplainReply = {
  answer: {
    user: "ada",
    map: "life",
    known: true,
    segments: [],
    none: 0.1,
    evidence: 3,
    versions: { encoder: "linear-0123456789abcdef", trained: true, profiles: { life: 7 }, segments: 1 },
    ages: { contextMs: 1, profilesMs: {} },
    position: { shard: 1, sequence: 9 },
    decision: "d1x",
  },
  atMs: Date.UTC(2026, 0, 5, 13, 7),
  explanation: {
    map: "life",
    method: "exact",
    top: { segment: "loyal", probability: 0.62 },
    runnerUp: { segment: null, probability: 0.2 },
    lead: {
      value: 1.13,
      bySource: [
        { kind: "prior", value: -0.4 },
        { kind: "family", name: "rhythm", value: 1.528 },
        { kind: "family", name: "mood", value: 0.002 },
        { kind: "tokens", name: "thing", value: 0 },
      ],
      byEvent: [
        { kind: "prior", value: -0.4 },
        { kind: "event", event: 0, value: 0.5 },
        { kind: "event", event: 1, value: 1 },
        { kind: "earlier", value: 0.03 },
      ],
    },
    segments: [],
    thresholds: [
      {
        segment: "loyal",
        probability: 0.62,
        resonating: true,
        enter: 0.5,
        leave: 0.33,
        minEvidence: 1,
        distance: 1.19,
      },
      {
        segment: "new",
        probability: 0.08,
        resonating: false,
        enter: 0.5,
        leave: 0.33,
        minEvidence: 1,
        distance: -2.4,
      },
    ],
    events: [
      { tsMs: 1, ageMs: 3_600_000, type: "view", item: "shoe\u001b[2J" },
      { tsMs: 2, ageMs: 61_000, type: "purchase" },
    ],
    counts: { done: 5, held: 5, told: 2 },
    flip: { newest: { events: 3, becomes: null }, fewest: { events: [1], becomes: "new" }, isExact: true },
  },
};

const drawn = drawExplanation(REPLY, 100).join("\n");

test("what leads, why, what would change it and how far thresholds are, in lines that fit", () => {
  expect(drawn).toMatch(/loyal \(62\.0 %\).* leads none \(20\.0 %\) by \+1\.13 log odds/);
  expect(drawn).toMatch(/Without the newest 3 events it would be .*none/);
  expect(drawn).toMatch(/Without 1 of the newest it would be .*new.*: purchase 1:01 ago\./);
  expect(drawn).toContain("loyal resonates: +1.19 log odds above where it stops (33.0 %)");
  expect(drawn).not.toContain("new does not resonate"); // Far below its threshold.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would act on.
  const plain = drawn.replaceAll(/\u001b\[\d+m/g, "");
  expect(Math.max(...plain.split("\n").map((line) => line.length))).toBeLessThanOrEqual(112);
});

test("the largest source comes first, small ones are one line, and what is 0 none", () => {
  expect(drawn.indexOf("features: rhythm")).toBeLessThan(drawn.indexOf("prior"));
  expect(drawn).toContain("1 smaller ones");
  expect(drawn).not.toContain("tokens: thing");
});

test("a name from outside can't move the cursor", () => {
  expect(drawn).not.toContain("\u001b[2J");
});

test("a signed bar grows from the middle, and is always as wide", () => {
  expect(signedBar(1, 2, 4)).toBe("    │██  ");
  expect(signedBar(-2, 2, 4)).toBe("████│    ");
  expect(signedBar(0, 2, 4)).toBe("    │    ");
  expect(signedBar(5, 0, 4)).toBe("    │    ");
});
