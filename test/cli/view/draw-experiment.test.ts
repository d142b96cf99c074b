import { expect, test } from "vitest";
import { drawExperiments, drawReport } from "../../../src/cli/view/draw-experiment.ts";
import { addUnit, emptySums, moveUnit } from "../../../src/experiments/arm-sums.ts";
import { buildReport } from "../../../src/experiments/report.ts";
import { look, newWatch } from "../../../src/experiments/watch.ts";
import type { ExperimentReportReply } from "../../../src/gateway/experiments.ts";
import { anExperiment } from "../../experiments/an-experiment.ts";

const START_MS = Date.UTC(2026, 0, 5);
const MINUTE_MS = 60_000;

/** A report after so many looks, at each of which 300 units have come to each arm. */
function aReport(looks: number, clicks: readonly [number, number]): ExperimentReportReply {
  const experiment = anExperiment({
    guardrails: [
      { name: "dismiss.count", event: "dismiss", measure: "count", goal: "decrease", harmMax: 0.2 },
    ],
  });
  const sums = [emptySums(2), emptySums(2)];
  let watch = newWatch(experiment);
  for (let at = 1; at <= looks; at++) {
    for (const [arm, clicked] of clicks.entries()) {
      for (let unit = 0; unit < 300; unit++) {
        addUnit(sums[arm]!, 0);
        moveUnit(sums[arm]!, 0, 0, { y: 0, d: 0 }, { y: Number(unit < clicked), d: 1 });
        moveUnit(sums[arm]!, 1, 0, { y: 0, d: 0 }, { y: Number(unit < 60), d: 1 });
      }
    }
    watch = look(watch, experiment, sums, START_MS + at * MINUTE_MS);
  }
  return { ...buildReport(experiment, sums, watch), started: START_MS, stopped: null };
}

/** What is printed, without colours. */
function plain(lines: readonly string[]): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences.
  return lines.join("\n").replaceAll(/\u001b\[\d+m/g, "");
}

test("a report tells arms, intervals, guardrails, the split and what to do", () => {
  const drawn = plain(drawReport(aReport(20, [15, 30]), START_MS + 30 * MINUTE_MS, 110));
  expect(drawn).toContain("home-hero at home · runs for 30:00 · 12,000 of 5,000 planned units · 20 looks");
  expect(drawn).toMatch(/resonance +mixture +6,000 +600 +0\.1 +0\.1 +\+100\.0 % +\+\d+\.\d % to \+\d+\.\d %/);
  expect(drawn).toContain("guardrail, harm up to 20.0 %: dismiss.count, better if it decreases");
  expect(drawn).toContain("resonance: safe");
  expect(drawn).toContain("split: as it should be");
  expect(drawn).toContain("resonance: ship it, since the interval lies on the good side of 0");
  expect(drawn).toContain("for display: never stop by it");
});

test("the plot spans the looks", () => {
  const drawn = plain(drawReport(aReport(20, [15, 30]), START_MS, 110)).split("\n");
  const top = drawn.findIndex((line) => line.startsWith("lift of resonance")) + 1;
  const rows = drawn.slice(top, top + 9);
  for (const row of rows) expect([...row]).toHaveLength(9 + 72);
  expect(drawn[top + 9]).toBe(`         2026-01-05 00:01${" ".repeat(40)}2026-01-05 00:20`);
  const inked = (row: string, from: number) =>
    [...row].slice(from, from + 20).some((cell) => cell > "\u2800" && cell <= "\u28ff");
  expect(rows.some((row) => inked(row, 10))).toBe(true);
  expect(rows.some((row) => inked(row, 60))).toBe(true);
});

test("before there is enough, no interval and no plot is drawn", () => {
  const drawn = plain(drawReport(aReport(0, [0, 0]), START_MS, 110));
  expect(drawn).toContain("not yet");
  expect(drawn).toContain("resonance: go on, since there is too little to look at");
  expect(drawn).not.toContain("lift of resonance");
  expect(drawn).not.toContain("never stop by it");
});

test("the list has a line for each, and says what to do if there are none", () => {
  const { experiment, placement, started, units, plannedUnits, arms, verdicts } = aReport(20, [15, 30]);
  const status = { experiment, placement, started, stopped: null, units, plannedUnits, arms, verdicts };
  const [titles, line] = drawExperiments([{ ...status, sampleRatioAlarm: false }], 200);
  expect(titles).toContain("verdict");
  expect(line).toContain("home-hero");
  expect(line).toContain("since 2026-01-05 00:00");
  expect(line).toContain("240 %");
  expect(line).toContain("resonance: ship");
  expect(drawExperiments([], 80)).toEqual(["no experiments: resonance experiment define FILE"]);
});
