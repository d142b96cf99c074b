import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { drawRates } from "../../../src/cli/view/draw-rates.ts";
import { intervalBar } from "../../../src/cli/view/interval-bar.ts";

test("an interval is drawn where it lies, with its middle, as wide as asked", () => {
  expect(intervalBar({ low: 0.2, middle: 0.5, high: 0.79 }, 1, 10)).toBe("  ───●──  ");
  expect(intervalBar({ low: 0, middle: 0, high: 1 }, 1, 4)).toBe("●───");
  expect(intervalBar({ low: 0, middle: 0, high: 0 }, 0, 3)).toBe("●  ");
});

test("rates are a table, the best content first, each line within the terminal", () => {
  const rate = (segment: string | null, of: number) => ({
    segment,
    shown: 1_234,
    rate: of,
    interval: [of / 2, of * 2] as const,
    purchases: 0.05,
  });
  const reply = {
    version: 7,
    ageMs: 65_000,
    placements: [
      {
        placement: "home",
        map: "life",
        trust: 0.4,
        contents: [
          { content: "worse", rates: [rate(null, 0.01), rate("new", 0.02)] },
          { content: "better", rates: [rate(null, 0.04), rate("new", 0.05)] },
        ],
      },
    ],
  };
  const lines = drawRates(reply, 100).map(stripVTControlCharacters);
  expect(lines[0]).toBe("rates v7 · newest impression 1:05 ago");
  expect(lines[2]).toBe("home by life · feedback counts 0.4 of what it says");
  expect(lines[4]).toMatch(/^better {3}all users +1,234 +4\.0 % +2\.0 % – 8\.0 % {2} +─+●─+$/);
  expect(lines.findIndex((line) => line.startsWith("worse"))).toBe(6);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  expect(drawRates({ version: 0, ageMs: null, placements: [] }, 80)).toEqual([
    "nothing was heard of any content yet",
  ]);
});
