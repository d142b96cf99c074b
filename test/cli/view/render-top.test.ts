import fc from "fast-check";
import { expect, test } from "vitest";
import { afterKey } from "../../../src/cli/commands/top.ts";
import type { TopState } from "../../../src/cli/top/top-state.ts";
import { cellWidth } from "../../../src/cli/view/cell-width.ts";
import { renderTop, type TopLook } from "../../../src/cli/view/render-top.ts";

const LOOK: TopLook = { order: "lag", isPaused: false, isLive: true };

test("a small terminal shows head, nodes, requests, segments and shards, and the keys", () => {
  expect(at(80, 24)).toEqual(
    [
      "resonance top ready · 2 nodes · 8 shards · 12,345 users  13:07:00 UTC · by lag",
      "events/s ▂▄█                      4,000 folded · 250 scores/s",
      "lag      ▁█▄                      1,200 entries · status in 4.20 ms",
      "refused  RATE_LIMITED 1,000 (5.0/s) · NO_CONSENT 7",
      "trouble  3 dead letters",
      "",
      "node  state   owns  copies  events/s    lag  roles",
      "b     silent     4       4     1,000  1,000  sg",
      "a     well       5       3     3,000    200  sgp",
      "",
      "request  each s     mean  failed",
      "ingest       40  3.00 ms       0",
      "score       250  1.20 ms     0.5",
      "",
      "segment          entered/s  left/s",
      "shopper/loyal          2.5     0.1",
      "shopper/bargain        1.0       0",
      "",
      "shard  owner  events/s  lag  users  in memory  dead  +4",
      "    7  b           500  700  1,543      1,000     0",
      "    6  b           500  600  1,543      1,000     0",
      "    5  b           500  500  1,543      1,000     0",
      "    4  b           500  400  1,543      1,000     0",
      "q ends · p pauses · s sorts by rate",
    ].map((line) => line.trimEnd()),
  );
});

test("a wide terminal puts the tables beside each other", () => {
  const lines = at(140, 24);
  expect(lines[6]).toMatch(/^node .*request/);
  expect(lines.some((line) => /shard +owner/.test(line))).toBe(true);
});

test("it is sorted by lag, rate or name, as the keys say, and told when it stands still", () => {
  const byName = renderTop(aState(), { ...LOOK, order: "name", isPaused: true }, screen(80, 24));
  expect(byName[0]).toContain("paused");
  expect(byName[7]).toMatch(/^a /);
  expect(["lag", "rate", "name"].map((_, i) => pressed("s".repeat(i + 1)).order)).toEqual([
    "rate",
    "name",
    "lag",
  ]);
  expect([pressed("p").isPaused, pressed("pp").isPaused, pressed("x")]).toEqual([true, false, LOOK]);
});

test("whatever the size, no line is wider and no picture higher than the terminal", () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 250 }), fc.integer({ min: 0, max: 80 }));
  fc.assert(
    fc.property(sizes, fc.string({ unit: "grapheme" }), ([columns, rows], name) => {
      const state = aState();
      const nodes = state.nodes.map((node) => ({ ...node, name }));
      const lines = renderTop({ ...state, nodes }, LOOK, screen(columns, rows));
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(cellWidth(line)).toBeLessThanOrEqual(columns);
    }),
  );
});

function at(columns: number, rows: number): string[] {
  return renderTop(aState(), LOOK, screen(columns, rows)).map((line) => line.trimEnd());
}

function pressed(keys: string): TopLook {
  return [...keys].reduce(afterKey, LOOK);
}

function screen(columns: number, rows: number) {
  return { columns, rows, color: false };
}

function aState(): TopState {
  const node = { roles: ["shards", "gateway"], standsBy: 4 };
  return {
    timeMs: Date.UTC(2026, 0, 5, 13, 7),
    ready: true,
    troubles: ["3 dead letters"],
    users: 12_345,
    lag: 1_200,
    lagBefore: [10, 2_400, 1_200],
    eventsPerSecond: 4_000,
    eventsBefore: [1_000, 2_000, 4_000],
    scoresPerSecond: 250,
    statusMs: 4.2,
    nodes: [
      {
        ...node,
        name: "a",
        roles: [...node.roles, "profiles"],
        owns: 5,
        standsBy: 3,
        eventsPerSecond: 3_000,
        lag: 200,
        state: "well",
      },
      { ...node, name: "b", owns: 4, eventsPerSecond: 1_000, lag: 1_000, state: "silent" },
    ],
    shards: Array.from({ length: 8 }, (_, shard) => ({
      shard,
      owner: shard < 4 ? "a" : "b",
      eventsPerSecond: 500,
      lag: shard * 100,
      users: 1_543,
      resident: 1_000,
      deadLetters: 0,
      diskFull: false,
    })),
    endpoints: [
      { endpoint: "ingest", perSecond: 40, meanMs: 3, failedPerSecond: 0 },
      { endpoint: "score", perSecond: 250, meanMs: 1.2, failedPerSecond: 0.5 },
      { endpoint: "status", perSecond: 0, meanMs: null, failedPerSecond: 0 },
    ],
    segments: [
      { segment: "shopper/loyal", enteredPerSecond: 2.5, leftPerSecond: 0.1 },
      { segment: "shopper/bargain", enteredPerSecond: 1, leftPerSecond: 0 },
    ],
    refusals: [
      { code: "RATE_LIMITED", count: 1_000, perSecond: 5 },
      { code: "NO_CONSENT", count: 7, perSecond: 0 },
    ],
  };
}
