import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../src/adapters/package-version.ts";
import { renderHtmlReport } from "../report/html-report.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { BenchResult, Measurement, Series, SkippedScenario } from "./bench-result.ts";
import { type Deployment, openDeployment } from "./deployment.ts";
import { findEvents, originText } from "./event-source.ts";
import { givenDeployment } from "./given-deployment.ts";
import { thisMachine } from "./machine.ts";
import { profileLines, readProfiles } from "./profile-report.ts";
import { figure, resultTable } from "./result-table.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { GROUPS, SCENARIOS } from "./scenarios.ts";
import { sizesOf } from "./sizes.ts";
import { measurementOf } from "./spread.ts";

/** Where a run tells what it does: lines about progress, and the result. */
export type BenchOutput = Readonly<{
  note(line: string): void;
  print(line: string): void;
  /** Cells of the terminal. */
  columns: number;
}>;

/**
 * Runs scenarios one after the other, and writes what they found.
 *
 * @throws Error for a scenario that does not exist. One that fails is told, and the others go on.
 * @returns Whether every scenario ran to its end.
 */
export async function runBench(options: BenchOptions, output: BenchOutput): Promise<boolean> {
  const scenarios = await chosen(options.scenarios);
  const origin = await findEvents(options);
  const machine = thisMachine();
  output.note(`${machine.cpu}, ${machine.cores} cores, ${machine.system}; ${originText(origin)}`);
  const workDir = options.work ?? (await mkdtemp(join(tmpdir(), "resonance-bench-")));
  await mkdir(workDir, { recursive: true });
  const results: Measurement[] = [];
  const series: Series[] = [];
  const skipped: SkippedScenario[] = [];
  const versions: Record<string, string> = { resonance: version(), node: process.versions.node };
  const startedAt = new Date().toISOString();
  let isWhole = true;
  const result = (): BenchResult => ({
    machine,
    versions,
    startedAt,
    options: { ...options, events: options.events ?? null, origin: originText(origin) },
    results,
    series,
    skipped,
  });
  try {
    for (const scenario of scenarios) {
      if (scenario.ownsNodes && options.nats !== undefined) {
        const reason = "it starts and ends nodes, and --nats names a deployment that others run";
        skipped.push({ scenario: scenario.name, reason });
        continue;
      }
      const world = { options, origin, workDir, results, series, skipped, versions, output };
      isWhole = (await runOne(scenario, world)) && isWhole;
      if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result(), null, 2)}\n`);
    }
    for (const line of resultTable(result(), output.columns)) output.print(line);
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result(), null, 2)}\n`);
    if (options.html !== undefined) await writeFile(options.html, renderHtmlReport(result()));
  } finally {
    if (options.work === undefined) await rm(workDir, { recursive: true, force: true });
  }
  return isWhole;
}

async function chosen(names: readonly string[]): Promise<Scenario[]> {
  const usual = SCENARIOS.filter(({ isLong }) => !isLong).map(({ name }) => name);
  const wanted = names.length === 0 ? usual : names.flatMap((name) => GROUPS[name] ?? [name]);
  return Promise.all(
    wanted.map((name) => {
      const entry = SCENARIOS.find((one) => one.name === name);
      if (entry === undefined)
        throw new Error(`no scenario "${name}": there are ${SCENARIOS.map((one) => one.name).join(", ")}`);
      return entry.load();
    }),
  );
}

type World = Readonly<{
  options: BenchOptions;
  origin: ScenarioContext["origin"];
  workDir: string;
  results: Measurement[];
  series: Series[];
  skipped: SkippedScenario[];
  versions: Record<string, string>;
  output: BenchOutput;
}>;

async function runOne(scenario: Scenario, world: World): Promise<boolean> {
  const { options, origin, workDir, results, series, skipped, versions, output } = world;
  const { name } = scenario;
  const opened: Deployment[] = [];
  const profiled = new Map<string, string>();
  const progress = (line: string): void => output.note(`${name}: ${line}`);
  const context: ScenarioContext = {
    options,
    origin,
    sizes: sizesOf(options),
    progress,
    version(what, is) {
      versions[what] = is;
    },
    skip(reason) {
      skipped.push({ scenario: name, reason });
      progress(`skipped: ${reason}`);
    },
    profiling(label) {
      if (options.profile === undefined) return [];
      const folder = join(options.profile, label);
      profiled.set(label, folder);
      return ["--cpu-prof", "--cpu-prof-dir", folder];
    },
    measured(measured) {
      const { goal, ...rest } = measured;
      // At tiny sizes no goal means anything.
      const kept = goal === undefined || options.smoke ? rest : { ...rest, goal };
      const one = measurementOf({ ...kept, scenario: name });
      results.push(one);
      progress(`${one.metric}: ${figure(one.value)} ${one.unit}`);
    },
    series: (one) => series.push({ ...one, scenario: name }),
    async deployment(given = {}) {
      const { segments, dims, shards, threads } = options;
      const { preparedEvents } = sizesOf(options);
      const config = { segments, dims, shards, threads, preparedEvents, ...given };
      const how = { options, origin, workDir, report: progress };
      const one =
        options.nats === undefined ? await openDeployment(how, config) : await givenDeployment(how, config);
      opened.push(one);
      versions["nats-server"] = `${one.server.version} (${one.server.source})`;
      return one;
    },
  };
  try {
    await scenario.run(context);
    return true;
  } catch (thrown) {
    output.note(`${name} failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    skipped.push({
      scenario: name,
      reason: `it failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    });
    return false;
  } finally {
    for (const deployment of opened) await deployment.close();
    for (const [label, folder] of profiled)
      for (const line of profileLines(label, await readProfiles(folder))) output.note(line);
  }
}
