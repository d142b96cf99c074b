import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import type { PrivacyReport } from "../../gateway/privacy-report.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { numberBetween, wholeNumber, withClientOptions } from "../client-options.ts";
import type { SplitRule } from "../evaluate/split.ts";
import { print, runs } from "../output.ts";
import { type PrivateRecording, reportOnRecording } from "../privacy/report-on-recording.ts";
import { nameAndLabel } from "../recording-options.ts";
import { drawPrivacyReport, drawPrivateRecording } from "../view/draw-privacy.ts";
import { progressLine } from "../view/progress-line.ts";

type Options = ClientOptions &
  Readonly<{
    json: boolean;
    map?: readonly string[];
    epsilon: readonly number[];
    delta: number;
    buckets: number;
    contributions?: number;
    minMembers: number;
    draws: number;
    split: Readonly<{ kind: "hash" }> | Readonly<{ kind: "block"; size: number }>;
    seed: number;
    seeds: number;
    dimMax: number;
  }>;

const DEFAULT_EPSILONS = [0.5, 1, 2, 4, 8];

/** `resonance privacy report`: what private maps have spent, and what privacy costs the profiles. */
export function addPrivacyReport(command: Command): void {
  withClientOptions(
    command
      .command("report")
      .argument("[events]", "JSON lines of recorded events: measures on them instead of the running engine")
      .argument("[users]", "JSON lines of {user, labels: {name: value}}"),
  )
    .description("tell what private maps promise and have spent, and what the noise does to their profiles")
    .option("--map <name>", "one map; on files NAME=LABEL, may be given again", collected)
    .option("--epsilon <numbers>", "on files: with commas between", numbers, DEFAULT_EPSILONS)
    .option("--delta <number>", "on files", numberBetween(1e-15, 0.01), 1e-6)
    .option("--buckets <n>", "on files: of the window; each member contributes to one", wholeNumber(1), 1)
    .option("--contributions <n>", "on files: that a user may make (default: one a bucket)", wholeNumber(1))
    .option("--min-members <n>", "on files: proven before a segment is shown", wholeNumber(1), 20)
    .option("--draws <n>", "on files: times that the noise is drawn", wholeNumber(1), 20)
    .option("--split <rule>", "on files: hash, or block:N, as for evaluate", splitRule, { kind: "hash" })
    .option("--seed <n>", "on files: of the first split", wholeNumber(0), 1)
    .option("--seeds <n>", "on files: splits", wholeNumber(1), 3)
    .option("--dim-max <n>", "on files: dimensions at most", wholeNumber(1), DEFAULT_NODE_OPTIONS.dimMax)
    .action(
      runs(async (events: string | undefined, users: string | undefined, options: Options) => {
        const columns = process.stdout.columns ?? 110;
        if (events !== undefined) {
          const report = await onFiles(events, users, options);
          print(options.json, report, () => drawPrivateRecording(report, columns));
          return;
        }
        const client = await connectClient(options, "resonance privacy report");
        try {
          const [map, another] = options.map ?? [];
          if (another !== undefined) throw oneMap();
          const request = map === undefined ? {} : { map };
          const { maps } = (await client.ask("privacy.report", request, 60_000)) as {
            maps: readonly PrivacyReport[];
          };
          print(options.json, { maps }, () => drawPrivacyReport(maps, columns));
        } finally {
          await client.close();
        }
      }),
    );
}

async function onFiles(
  eventsPath: string,
  usersPath: string | undefined,
  options: Options,
): Promise<PrivateRecording> {
  if (usersPath === undefined || options.map === undefined) {
    const message = "on files, name both: resonance privacy report EVENTS USERS --map NAME=LABEL";
    throw new EngineError({ code: "FILES_INCOMPLETE", message, retryable: false });
  }
  const maps = options.map.reduce<ReturnType<typeof nameAndLabel>>(
    (before, text) => nameAndLabel(text, before),
    [],
  );
  const { epsilon: epsilons, contributions = options.buckets, ...rest } = options;
  if (contributions > options.buckets) {
    const message = `--contributions may not be more than the ${options.buckets} --buckets of the window`;
    throw new EngineError({ code: "BAD_SEGMENTS", message, retryable: false });
  }
  const output = process.stderr;
  const line = progressLine({ label: "read", unit: "events", output, clock: systemClock });
  const report = await reportOnRecording(
    { eventsPath, usersPath, maps },
    { ...rest, epsilons, contributions },
    {
      read: (events, done) => line.update(events, done),
      done: () => line.end(),
    },
  );
  return report;
}

function collected(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function numbers(text: string): number[] {
  return text.split(",").map((one) => numberBetween(0.01, 100)(one.trim()));
}

function splitRule(text: string): Options["split"] {
  if (text === "hash") return { kind: "hash" };
  const size = Number(/^block:(\d+)$/.exec(text)?.[1] ?? 0);
  if (size > 0) return { kind: "block", size } satisfies Omit<Extract<SplitRule, { kind: "block" }>, "seed">;
  throw new InvalidArgumentError("hash, or block:N with N of at least 1, please");
}

function oneMap(): EngineError {
  const message = "of a running engine, name one --map, or none for all";
  return new EngineError({ code: "ONE_MAP_ONLY", message, retryable: false });
}
