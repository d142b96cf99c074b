import { expect, test } from "vitest";
import { progressLine } from "../../../src/cli/view/progress-line.ts";

function aLine(given: { isTTY: boolean; columns?: number }) {
  const written: string[] = [];
  let nowMs = 0;
  const output = { ...given, write: (text: string) => written.push(text) };
  const clock = { monotonicMs: () => nowMs };
  const line = progressLine({ label: "replay", unit: "events", output, clock, color: false });
  return {
    written,
    end: () => line.end(),
    at: (ms: number, count: number, done: number | null) => {
      nowMs = ms;
      line.update(count, done);
    },
  };
}

test("on a terminal the line is cleared and drawn again, at most ten times a second", () => {
  const line = aLine({ isTTY: true, columns: 80 });
  for (let ms = 0; ms <= 1_000; ms += 10) line.at(ms, ms * 2, ms / 4_000);
  expect(line.written).toHaveLength(10);
  expect(line.written.at(-1)).toBe(
    "\r\u001b[2Kreplay  ▕███████▌                      ▏ 25%  2,000 events  2,000/s  0:03 left",
  );
});

test("into a pipe goes a whole line every five seconds", () => {
  const line = aLine({ isTTY: false });
  for (let ms = 0; ms <= 11_000; ms += 100) line.at(ms, ms, null);
  expect(line.written).toEqual([
    "replay  5,000 events  1,000/s  0:05\n",
    "replay  10,000 events  1,000/s  0:10\n",
  ]);
});

test("the rate is that of the last seconds, at the end the mean", () => {
  const line = aLine({ isTTY: true, columns: 80 });
  for (let ms = 1_000; ms <= 10_000; ms += 1_000) line.at(ms, ms, null);
  for (let ms = 11_000; ms <= 20_000; ms += 1_000) line.at(ms, 10_000 + (ms - 10_000) * 3, null);
  expect(line.written.at(-1)).toContain("40,000 events  3,000/s");
  line.end();
  expect(line.written.at(-2)).toContain("40,000 events  2,000/s");
  expect(line.written.at(-1)).toBe("\n");
});

test("the end is drawn, whatever was drawn a moment ago", () => {
  const line = aLine({ isTTY: false });
  line.at(100, 7, 1);
  line.end();
  expect(line.written).toEqual(["replay  ▕██████████████████████████████▏100%  7 events  70/s  in 0:00\n"]);
});

test("a narrow terminal keeps one line: first the bar goes, then words are cut", () => {
  for (let columns = 1; columns <= 100; columns++) {
    const line = aLine({ isTTY: true, columns });
    line.at(1_000, 123_456_789, 0.5);
    const text = (line.written[0] ?? "").replace("\r\u001b[2K", "");
    expect(text.length).toBeLessThan(columns);
    if (columns < 50) expect(text).not.toContain("▕");
  }
});
