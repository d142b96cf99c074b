import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CATALOGUE, type MetricKind } from "../../src/metrics/catalogue.ts";
import { hasPromtool, promtool } from "../which-promtool.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const ALERTS = read("deploy/prometheus/alerts.yml");
const DASHBOARD = JSON.parse(read("deploy/grafana/resonance.json")) as Readonly<{ panels: readonly Panel[] }>;
/** What the library adds for every process. */
const OF_PROCESS =
  /^(process_cpu_seconds_total|process_resident_memory_bytes|nodejs_eventloop_lag_p99_seconds)$/;

type Panel = Readonly<{
  id: number;
  type: string;
  title: string;
  targets?: readonly Readonly<{ expr: string }>[];
  gridPos: Readonly<{ x: number; y: number; w: number; h: number }>;
}>;

const expressions = DASHBOARD.panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => expr));

/** Names in a text that no metric, and no line of a histogram, has. */
function unknownMetrics(text: string): string[] {
  const known = new Set<string>(
    Object.entries(CATALOGUE).flatMap(([name, kind]: [string, MetricKind]) =>
      kind.type === "histogram" ? ["bucket", "sum", "count"].map((end) => `${name}_${end}`) : [name],
    ),
  );
  const named = text.match(/\b(?:resonance|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return [...new Set(named)].filter((name) => !known.has(name) && !OF_PROCESS.test(name));
}

test("alerts name only metrics that there are", () => {
  const ofText = "resonance_not_ready_reason"; // Named to people, in a summary: it is there, too.
  expect(Object.keys(CATALOGUE)).toContain(ofText);
  expect(unknownMetrics(ALERTS)).toEqual([]);
  expect(unknownMetrics("max(resonance_lag) + resonance_ready")).toEqual(["resonance_lag"]);
});

test("every panel of the dashboard asks for metrics that there are, and has a place of its own", () => {
  expect(expressions.length).toBeGreaterThan(40);
  expect(unknownMetrics(expressions.join("\n"))).toEqual([]);
  const ids = DASHBOARD.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of DASHBOARD.panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(x, title).toBeLessThan(24);
        expect(taken.has(`${x} ${y}`), `${title} lies over another panel`).toBe(false);
        taken.add(`${x} ${y}`);
      }
});

test("operations.md says what to do about each alert, and of no other", () => {
  const alerts = [...ALERTS.matchAll(/- alert: (\w+)/g)].map((match) => match[1]);
  const told = [...read("docs/operations.md").matchAll(/^\| `(Resonance\w+)` \|/gm)].map((match) => match[1]);
  expect(told.sort()).toEqual(alerts.sort());
  const tested = new Set(
    [...read("deploy/prometheus/alerts.test.yml").matchAll(/alertname: (\w+)/g)].map((match) => match[1]),
  );
  expect([...tested].sort()).toEqual(alerts.sort());
});

test.skipIf(!hasPromtool)(
  "Prometheus' own checker takes the rules, and each alert comes when it should",
  () => {
    expect(promtool(["check", "rules", join(ROOT, "deploy/prometheus/alerts.yml")])).toMatchObject({
      ok: true,
    });
    const tested = promtool(["test", "rules", join(ROOT, "deploy/prometheus/alerts.test.yml")]);
    expect(tested.ok, tested.said).toBe(true);
  },
);

test.skipIf(!hasPromtool)("it takes every query of the dashboard", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-dashboard-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "rules.yml");
  const rules = expressions.map((expr, index) => {
    const plain = expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
    return { record: `panel:query_${index}`, expr: plain };
  });
  await writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] })); // JSON is YAML.
  const checked = promtool(["check", "rules", file]);
  expect(checked.ok, checked.said).toBe(true);
});
