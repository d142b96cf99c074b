import fc from "fast-check";
import { expect, test } from "vitest";
import { type CostAndQuality, costsAndQualities, frontierOf } from "../../../bench/quality/frontier.ts";
import { frontierPlot } from "../../../bench/quality/frontier-plot.ts";
import type { Leaderboard } from "../../../src/resonance/evaluation/leaderboard.ts";

const somePoints = fc.array(
  fc.record({
    method: fc.string({ minLength: 1 }),
    kind: fc.constantFrom("baseline" as const, "encoder" as const),
    micros: fc.double({ min: 0.1, max: 100, noNaN: true }),
    gain: fc.double({ min: -0.5, max: 0.9, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

test("nothing off the frontier is cheaper and tells more than something on it, and all else is beaten", () => {
  fc.assert(
    fc.property(somePoints, (points) => {
      const frontier = frontierOf(points);
      const beats = (a: CostAndQuality, b: CostAndQuality) => a.micros <= b.micros && a.gain >= b.gain;
      for (const point of points) {
        if (frontier.includes(point)) {
          expect(points.some((other) => other.micros < point.micros && other.gain >= point.gain)).toBe(false);
        } else expect(frontier.some((other) => beats(other, point))).toBe(true);
      }
    }),
  );
});

test("gains are shares of the prior's log-loss at the end, and means over the maps", () => {
  const row = (method: string, kind: "baseline" | "encoder", eventMicros: number, logLoss: number) => ({
    ...{ method, kind, eventMicros, fitSeconds: 0, strength: [], dim: null },
    cells: [{ depth: "all", auc: null, logLoss, ece: 0, eceByChance: 0 }],
  });
  const board = (prior: number, linear: number) =>
    ({
      rows: [row("prior", "baseline", 0, prior), row("linear", "encoder", 3, linear)],
    }) as unknown as Leaderboard;
  const [found] = costsAndQualities([board(1, 0.8), board(0.5, 0.25)]);
  expect(found?.method).toBe("linear");
  expect(found?.micros).toBe(3);
  expect(found?.gain).toBeCloseTo(0.35, 9);
});

test("the plot names every method, and whatever they are called it stays an SVG", () => {
  fc.assert(
    fc.property(somePoints, (points) => {
      const plot = frontierPlot(points, "a title");
      expect(plot.startsWith("<svg ")).toBe(true);
      expect(plot.match(/<circle/g)).toHaveLength(points.length);
      expect(plot).not.toMatch(/NaN|undefined|Infinity/);
    }),
  );
});
