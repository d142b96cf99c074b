import { expect, test } from "vitest";
import type { Series } from "../../../bench/harness/bench-result.ts";
import { renderHtmlReport } from "../../../bench/report/html-report.ts";
import { aMeasurement, aResult, aSeries } from "../a-result.ts";

const EVIL = `</style><script>alert("x")</script> & 'quotes'`;

test("every text of the result is escaped, wherever it stands", () => {
  const html = renderHtmlReport(
    aResult({
      machine: { ...aResult().machine, cpu: EVIL, system: EVIL },
      startedAt: EVIL,
      versions: { [EVIL]: EVIL },
      options: { [EVIL]: EVIL, list: [EVIL] },
      results: [
        aMeasurement({
          ...{ scenario: EVIL, metric: EVIL, unit: EVIL, note: EVIL },
          ...{ ceiling: 1, ceilingName: EVIL, ratio: 1, goal: EVIL, reached: true },
        }),
      ],
      series: [aSeries({ scenario: EVIL, name: EVIL, xLabel: EVIL, yLabel: EVIL })],
      skipped: [{ scenario: EVIL, reason: EVIL }],
    }),
  );
  expect(html).not.toContain("<script");
  expect(html).not.toContain(`alert("x")`);
  expect(html.match(/<\/style>/g)).toHaveLength(1);
});

test("it needs nothing from elsewhere", () => {
  const html = renderHtmlReport(aResult({ series: [aSeries()] }));
  expect(html).not.toMatch(/\b(src|href)=|url\(|@import|https?:/);
});

test("a figure stands with its spread, its ceiling, its ratio as a bar, and whether its goal is reached", () => {
  const drain = aMeasurement({
    ...{ value: 112_345, ceiling: 200_000, ceilingName: "bare consume", ratio: 0.56 },
    ...{ goal: ">= 0.5 x", reached: true },
  });
  const html = renderHtmlReport(aResult({ results: [drain] }));
  for (const text of ["112,345", "3 rounds", "200,000", "bare consume", "0.56 ×", "reached", "≥\u00a00.5 ×"])
    expect(html).toContain(text);
  expect(html).toContain(`<rect class="bar" width="56.0"`);
  expect(html).toContain(`<rect class="mark" x="50"`);
  expect(html).toContain("1 of 1 goals reached");
});

test("a figure without ceiling, goal or more than one round has none of these", () => {
  const html = renderHtmlReport(
    aResult({ results: [aMeasurement({ spread: { rounds: [1], min: 1, max: 1 } })] }),
  );
  expect(html).not.toMatch(/goals reached|rounds<|class="bar"/);
});

test("what could not be measured shows a dash", () => {
  expect(renderHtmlReport(aResult({ results: [aMeasurement({ value: Number.NaN })] }))).toContain(
    "<strong>–</strong>",
  );
});

test("what was skipped is told with its reason", () => {
  const html = renderHtmlReport(aResult({ skipped: [{ scenario: "peer", reason: "no redis-server" }] }));
  expect(html).toMatch(/<dt>peer<\/dt><dd>no redis-server<\/dd>/);
});

test("series with the same labels share a plot, others have one of their own", () => {
  const growth: Partial<Series> = { kind: "growth", xLabel: "segments" };
  const html = renderHtmlReport(
    aResult({ series: [aSeries({ name: "round 1" }), aSeries({ name: "round 2" }), aSeries(growth)] }),
  );
  expect(html.match(/<figure>/g)).toHaveLength(2);
});

test("a series without a finite point is no plot", () => {
  expect(renderHtmlReport(aResult({ series: [aSeries({ points: [[0, Number.NaN]] })] }))).not.toContain(
    "<figure>",
  );
});

test("in a plot of percentiles each nine more takes as much room, and latencies far apart stand by powers", () => {
  const points = [
    [50, 0.1],
    [90, 1],
    [99, 10],
    [99.9, 100],
  ] as const;
  const html = renderHtmlReport(aResult({ series: [aSeries({ kind: "percentiles", points })] }));
  const dots = [...html.matchAll(/<circle class="dot" cx="([\d.]+)" cy="([\d.]+)"/g)].map(
    ([, x, y]) => [Number(x), Number(y)] as const,
  );
  expect(dots).toHaveLength(4);
  const [, p90, p99, p999] = dots.map(([x]) => x);
  expect((p999 ?? 0) - (p99 ?? 0)).toBeCloseTo((p99 ?? 0) - (p90 ?? 0), 0);
  const heights = dots.map(([, y]) => y);
  expect((heights[0] ?? 0) - (heights[1] ?? 0)).toBeCloseTo((heights[2] ?? 0) - (heights[3] ?? 0), 0);
});
