import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cellWidth } from "../../../src/cli/view/cell-width.ts";
import type { LiveState, LiveVisitor } from "../../../src/cli/view/live-state.ts";
import { renderLive, summariseLive } from "../../../src/cli/view/render-live.ts";

const SEGMENTS = ["browsers", "bargain-hunters", "researchers"];
const MOMENT_MS = Date.UTC(2026, 0, 5, 13, 7);

function aVisitor(
  given: Partial<LiveVisitor> & { shares?: number[]; resonating?: string; names?: string[] } = {},
) {
  const names = given.names ?? SEGMENTS;
  const shares = given.shares ?? names.map(() => 0.9 / names.length);
  const segments = names.map((segment, index) => ({
    segment,
    probability: shares[index] ?? 0,
    similarity: 0,
    resonating: segment === given.resonating,
  }));
  const none = 1 - shares.reduce((sum, share) => sum + share, 0);
  return {
    user: given.user ?? "visitor-1",
    ...(given.truth === undefined ? {} : { truth: given.truth }),
    resonance: { map: "shopper", segments, none },
  };
}

function aState(given: Partial<LiveState> = {}): LiveState {
  return {
    title: "resonance demo",
    runningMs: 83_000,
    eventTimeMs: MOMENT_MS,
    throughput: [1_000, 2_000, 4_000],
    accepted: 1_234_567,
    refused: 0,
    latencies: [{ name: "score", summary: { p50: 0.8, p99: 3.1, count: 10 } }],
    accuracy: null,
    versions: { encoder: "3fa9c1d2e4b5a697", trained: true, profiles: { shopper: 12 }, segments: 1 },
    visitors: [aVisitor()],
    transitions: [],
    ...given,
  };
}

const at80 = (state: LiveState, rows = 24) => renderLive(state, { columns: 80, rows, color: false });
const lineWith = (lines: readonly string[], start: string) =>
  lines.find((line) => line.startsWith(start)) ?? "";

test("the head tells time, throughput, latencies and versions", () => {
  expect(at80(aState()).slice(0, 4)).toEqual([
    "resonance demo  1:23 · event time 2026-01-05 13:07 UTC",
    "events/s   ▂▄█ 4,000 now, 2,333 mean · 1,234,567 in all, 0 refused",
    "latency    score p50 800 µs p99 3.10 ms",
    "versions   encoder 3fa9c1d2e4b5 (trained) · profiles shopper v12 · segments v1",
  ]);
});

test("where the console is, and the key to act in it, stand whole on a line of their own", () => {
  const console = { url: "http://127.0.0.1:8090", operatorKey: `rsn_o_${"k".repeat(32)}` };
  expect(at80(aState({ console }))[1]).toBe(`console    ${console.url}  key ${console.operatorKey}`);
});

test("before the first answer the picture says that there is none", () => {
  const lines = at80(
    aState({
      eventTimeMs: null,
      throughput: [],
      latencies: [{ name: "score", summary: { p50: null, p99: null, count: 0 } }],
      versions: null,
      visitors: [],
    }),
  );
  expect(lines).toEqual([
    "resonance demo  1:23",
    "events/s   0 now, 0 mean · 1,234,567 in all, 0 refused",
    "latency    score p50 – p99 –",
    "versions   none yet",
    "",
    "transitions",
    "none yet",
  ]);
});

test("each visitor is a column: bars by segment, none, a dot where it resonates, and whether it is true", () => {
  const visitors = [
    aVisitor({ user: "ada", truth: "browsers", shares: [0.75, 0.125, 0.049], resonating: "browsers" }),
    aVisitor({ user: "bob", truth: "researchers", shares: [0.5, 0.2, 0.2] }),
  ];
  const lines = at80(aState({ visitors })).map((line) => line.trimEnd());
  const from = lines.indexOf(lineWith(lines, "visitor"));
  expect(lines.slice(from, from + 6)).toEqual([
    "visitor          ada                       bob",
    "truth            ✓ browsers                ✗ researchers",
    "browsers         ██████████████▎     75%●  █████████▌          50%",
    "bargain-hunters  ██▍                 13%   ███▊                20%",
    "researchers      ▉                    5%   ███▊                20%",
    "none             █▌                   8%   █▉                  10%",
  ]);
});

test("accuracy stands beside what guessing would reach", () => {
  const lines = at80(aState({ accuracy: { visitors: 812, accuracy: 0.78, chance: 0.34 } }));
  expect(lineWith(lines, "accuracy")).toBe(
    "accuracy   78% of 812 anonymous visitors told right · by guessing: 34%",
  );
});

test("transitions say who entered or left what, newest first, as many as fit", () => {
  const transitions = Array.from({ length: 50 }, (_, index) => ({
    user: `visitor-${index}`,
    segment: "browsers",
    kind: index % 2 === 0 ? ("entered" as const) : ("left" as const),
    probability: 0.71,
    atMs: MOMENT_MS,
  }));
  const lines = at80(aState({ transitions }));
  expect(lines).toHaveLength(24);
  const from = lines.indexOf("transitions");
  expect(lines.slice(from + 1, from + 3)).toEqual([
    "01-05 13:07  visitor-0   ▲ entered browsers at 71%",
    "01-05 13:07  visitor-1   ▽ left    browsers at 71%",
  ]);
});

test("a trouble is shown", () => {
  expect(lineWith(at80(aState({ trouble: "no responders" })), "trouble")).toBe("trouble    no responders");
});

test("of too many segments the strongest are drawn, and the rest is counted", () => {
  const names = Array.from({ length: 40 }, (_, index) => `segment-${index}`);
  const shares = names.map((_, index) => (index === 33 ? 0.6 : 0.009));
  const lines = at80(aState({ visitors: [aVisitor({ names, shares })] }));
  expect(lineWith(lines, "segment-33")).toContain("60%");
  const drawn = lines.filter((line) => line.startsWith("segment-")).length;
  expect(drawn).toBeGreaterThan(5);
  expect(lines).toContain(`and ${40 - drawn} more`);
});

test("no screen is ever overflown, whatever comes in", () => {
  const word = fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.constant("新しい\n\u001b[31m\t"));
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const visitor = fc
    .record({ user: word, truth: word, shares: fc.array(share, { minLength: 3, maxLength: 3 }) })
    .map(aVisitor);
  const transition = fc.record({
    user: word,
    segment: word,
    kind: fc.constantFrom("entered" as const, "left" as const),
    probability: share,
    atMs: fc.constant(MOMENT_MS),
  });
  const state = fc.record({
    title: word,
    trouble: word,
    throughput: fc.array(fc.nat(10_000_000), { maxLength: 100 }),
    visitors: fc.array(visitor, { maxLength: 6 }),
    transitions: fc.array(transition, { maxLength: 30 }),
  });
  const screen = fc.record({
    columns: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 0, max: 60 }),
    color: fc.boolean(),
  });
  const holds = (given: Partial<LiveState>, size: { columns: number; rows: number; color: boolean }) => {
    const lines = renderLive(aState(given), size).map(stripVTControlCharacters);
    expect(lines.length).toBeLessThanOrEqual(size.rows);
    expect(Math.max(0, ...lines.map(cellWidth))).toBeLessThanOrEqual(size.columns);
    expect(lines.every((line) => !/\p{Cc}/u.test(line))).toBe(true);
  };
  fc.assert(fc.property(state, screen, holds));
});

test("colour changes no text", () => {
  const state = aState({ visitors: [aVisitor({ resonating: "browsers", truth: "browsers" })] });
  const colored = renderLive(state, { columns: 80, rows: 24, color: true });
  expect(colored.map(stripVTControlCharacters)).toEqual(at80(state));
  expect(colored).not.toEqual(at80(state));
});

test("a summary is one line", () => {
  const state = aState({ accuracy: { visitors: 3, accuracy: 0.5, chance: 0.3 }, trouble: "lost\nthe way" });
  expect(summariseLive(state)).toBe(
    "1:23 1,234,567 events · 4,000/s · score p50 800 µs p99 3.10 ms · accuracy 50% · trouble: lost·the way",
  );
});
