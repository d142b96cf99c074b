import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BenchResult, Measurement } from "../../../bench/harness/bench-result.ts";
import { compareResults } from "../../../bench/report/compare-results.ts";
import { comparisonLines, renderComparison } from "../../../bench/report/comparison-report.ts";
import { parseResult, readResult } from "../../../bench/report/read-result.ts";
import { aMeasurement, aResult, aSeries } from "../a-result.ts";

const withRounds = (rounds: readonly number[], given: Partial<Measurement> = {}): Measurement => {
  const value = rounds.toSorted((a, b) => a - b)[rounds.length >> 1] ?? Number.NaN;
  return aMeasurement({
    ...given,
    value,
    spread: { rounds, min: Math.min(...rounds), max: Math.max(...rounds) },
  });
};
const of = (one: Measurement): BenchResult => aResult({ results: [one] });
const onAnotherMachine = (result: BenchResult): BenchResult => ({
  ...result,
  machine: { ...result.machine, cores: 64 },
});
const only = (before: BenchResult, after: BenchResult) => compareResults(before, after).figures[0];

test("a throughput above the older spread is better, one below it worse", () => {
  const [slow, fast] = [of(withRounds([90, 100, 110])), of(withRounds([140, 150, 160]))];
  expect(only(slow, fast)).toMatchObject({ verdict: "better", changePercent: 50, basis: "value" });
  expect(only(fast, slow)).toMatchObject({ verdict: "worse" });
});

test("of a latency and of memory, less is better", () => {
  for (const unit of ["ms", "us", "s", "bytes/user", "MiB", "GiB"]) {
    const [more, less] = [of(withRounds([9, 10, 11], { unit })), of(withRounds([4, 5, 6], { unit }))];
    expect(only(more, less)).toMatchObject({ verdict: "better", changePercent: -50 });
  }
  for (const unit of ["events/s", "users/s", "MiB/s", "x"]) {
    const [more, less] = [of(withRounds([9, 10, 11], { unit })), of(withRounds([4, 5, 6], { unit }))];
    expect(only(more, less)).toMatchObject({ verdict: "worse" });
  }
});

test("a goal says which way is better, whatever the unit", () => {
  const given = { unit: "x", goal: "<= 1.6 x", reached: true };
  expect(only(of(withRounds([3, 3, 3], given)), of(withRounds([2, 2, 2], given)))).toMatchObject({
    verdict: "better",
  });
});

test("where the spreads touch, the change is within the noise", () => {
  const noisy = only(of(withRounds([90, 100, 140])), of(withRounds([140, 150, 160])));
  expect(noisy).toMatchObject({ verdict: "within the noise", changePercent: 50 });
});

test("a single round has no spread to judge by", () => {
  expect(only(of(withRounds([100])), of(withRounds([150, 160])))).toMatchObject({ verdict: "one round" });
});

test("on another machine ratios to the ceilings are compared", () => {
  const before = of(withRounds([90, 100, 110], { ceiling: 200, ratio: 0.5 }));
  const after = onAnotherMachine(of(withRounds([290, 300, 310], { ceiling: 400, ratio: 0.75 })));
  const figure = only(before, after);
  expect(figure).toMatchObject({ basis: "ratio", unit: "x", verdict: "better", changePercent: 50 });
  expect(figure?.before).toMatchObject({ figure: 0.5, min: 0.45, max: 0.55 });
});

test("a figure without a ratio is not judged across machines", () => {
  const figure = only(of(withRounds([90, 100, 110])), onAnotherMachine(of(withRounds([200, 300, 310]))));
  expect(figure).toMatchObject({ basis: "value", verdict: "other machine", changePercent: 200 });
});

test("figures that only one run has are new or gone; those not measured have failed", () => {
  const [one, other] = [of(withRounds([1, 2], { metric: "a" })), of(withRounds([1, 2], { metric: "b" }))];
  expect(compareResults(one, other).figures.map(({ metric, verdict }) => [metric, verdict])).toEqual([
    ["a", "gone"],
    ["b", "new"],
  ]);
  expect(only(of(withRounds([1, 2])), of(withRounds([Number.NaN])))).toMatchObject({ verdict: "failed" });
});

test("versions and settings that differ are listed", () => {
  const before = aResult({ versions: { node: "22" }, options: { segments: 8, rounds: 3 } });
  const after = aResult({ versions: { node: "24" }, options: { segments: 64, rounds: 3 } });
  expect(compareResults(before, after).differences).toEqual([
    ["segments", "8", "64"],
    ["node", "22", "24"],
  ]);
});

test("people get a table, and a page whose texts are escaped", () => {
  const before = of(withRounds([90, 100, 110], { metric: "<b>bold</b>" }));
  const after = of(withRounds([140, 150, 160], { metric: "<b>bold</b>" }));
  const runs = { before, after, comparison: compareResults(before, after) };
  const lines = comparisonLines(runs, 120);
  expect(lines.find((line) => line.includes("bold"))).toMatch(/100 +150 +events\/s +\+50 % +better/);
  for (const line of lines.slice(3)) expect(line.length).toBeLessThanOrEqual(120);
  const html = renderComparison(runs);
  expect(html).toContain("&lt;b&gt;bold&lt;/b&gt;");
  expect(html).not.toContain("<b>");
});

test("a result comes back from its file as it was, with NaN where JSON has null", () => {
  const result = aResult({
    results: [aMeasurement({ ceiling: 1, ratio: 2, goal: ">= 1 x", reached: true, note: "n" })],
    series: [aSeries()],
    skipped: [{ scenario: "peer", reason: "none" }],
  });
  expect(parseResult("r.json", JSON.stringify(result))).toEqual(result);
  const failed = of(aMeasurement({ value: Number.NaN }));
  expect(parseResult("r.json", JSON.stringify(failed)).results[0]?.value).toBeNaN();
});

test("a file that is missing or malformed is told by a stable code, with the place", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-compare-"));
  try {
    const path = join(folder, "result.json");
    await expect(readResult(path)).rejects.toMatchObject({
      code: "BENCH_RESULT_UNREADABLE",
      detail: { path },
    });
    for (const [text, place] of [
      ["{", "not JSON"],
      ["null", "the whole"],
      ["[]", "machine"],
      [JSON.stringify({ ...aResult(), machine: { cores: 2 } }), "machine.cpu"],
      [JSON.stringify(aResult()).replace('"value":100000', '"value":"fast"'), "results.0.value"],
    ] as const) {
      await writeFile(path, text);
      const error = { code: "BENCH_RESULT_UNREADABLE", message: expect.stringContaining(place) };
      await expect(readResult(path)).rejects.toMatchObject(error);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
