import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { EngineError } from "../../src/kernel/engine-error.ts";
import type { BenchResult } from "../harness/bench-result.ts";

/** A file is not there, or is not what `resonance bench --json` writes. */
export class BenchResultUnreadable extends EngineError<"BENCH_RESULT_UNREADABLE"> {
  constructor(path: string, reason: string, cause?: unknown) {
    const message = `${path} is no result of a bench: ${reason}`;
    super({ code: "BENCH_RESULT_UNREADABLE", message, retryable: false, detail: { path, reason }, cause });
  }
}

/** JSON has no NaN: a figure that could not be measured is written as null. */
const figure = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const record = v.record(v.string(), v.unknown());
const texts = v.record(v.string(), v.string());

const measurement = v.object({
  scenario: v.string(),
  metric: v.string(),
  value: figure,
  unit: v.string(),
  ceiling: v.exactOptional(figure),
  ceilingName: v.exactOptional(v.string()),
  ratio: v.exactOptional(figure),
  spread: v.object({ rounds: v.array(figure), min: figure, max: figure }),
  note: v.exactOptional(v.string()),
  goal: v.exactOptional(v.string()),
  reached: v.exactOptional(v.boolean()),
});

const series = v.object({
  scenario: v.string(),
  name: v.string(),
  kind: v.picklist(["percentiles", "over-time", "growth"]),
  xLabel: v.string(),
  yLabel: v.string(),
  points: v.array(v.tuple([figure, figure])),
});

const result: v.GenericSchema<unknown, BenchResult> = v.object({
  machine: v.object({
    cpu: v.string(),
    cores: v.number(),
    memoryBytes: v.number(),
    system: v.string(),
    load1Minute: v.number(),
  }),
  versions: texts,
  startedAt: v.string(),
  options: record,
  results: v.array(measurement),
  series: v.array(series),
  skipped: v.array(v.object({ scenario: v.string(), reason: v.string() })),
});

/**
 * A result from a file. Fields that this build does not know are left out.
 *
 * @throws {@link BenchResultUnreadable}.
 */
export async function readResult(path: string): Promise<BenchResult> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw new BenchResultUnreadable(path, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  });
  return parseResult(path, text);
}

/** As {@link readResult}, of a text. */
export function parseResult(path: string, text: string): BenchResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BenchResultUnreadable(
      path,
      `not JSON (${cause instanceof Error ? cause.message : cause})`,
      cause,
    );
  }
  const parsed = v.safeParse(result, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const where = v.getDotPath(issue) ?? "the whole";
  throw new BenchResultUnreadable(path, `${where}: ${issue.message}`);
}
