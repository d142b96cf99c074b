import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { numberBetween, wholeNumber } from "../client-options.ts";
import { DATA_SETS } from "../import/data-sets.ts";
import { openSource } from "../import/import-source.ts";
import type { DataSet } from "../import/imported.ts";
import { type ImportReport, runImport } from "../import/run-import.ts";
import { print, runs } from "../output.ts";
import { withoutControls } from "../view/cell-width.ts";
import { formatCount, formatMoment } from "../view/format-number.ts";
import { progressLine } from "../view/progress-line.ts";

type Options = Readonly<{
  out?: string;
  limit?: number;
  identify?: number;
  labels?: string[];
  labelBuyers?: boolean;
  json: boolean;
}>;

/** So many know who they are; the rest show how well strangers are told. */
const IDENTIFY_SHARE = 0.8;

/** `resonance import SET PATH`: a public data set, downloaded by the user, as a file of events. */
export function addImportCommand(program: Command): void {
  const command = program
    .command("import")
    .description(
      "turn a public data set or an export, as it was downloaded, into events for `replay` and `evaluate`",
    );
  for (const set of DATA_SETS) addSet(command, set);
}

function addSet(command: Command, set: DataSet): void {
  const own = command
    .command(set.name)
    .argument("<path>", set.path)
    .description(`read ${set.title}, from ${set.from}`)
    .option(
      "--out <folder>",
      `folder for events.jsonl.gz and what goes with it (default: imported/${set.name})`,
    )
    .option("--limit <n>", "events at most, the first in the files (default: all)", wholeNumber(1))
    .option("--json", "print one JSON object", false);
  if (set.maps.length > 0)
    own.option(
      "--identify <share>",
      "labelled users who identify themselves, from 0 to 1; the others stay strangers",
      numberBetween(0, 1),
      IDENTIFY_SHARE,
    );
  if (set.maps.length > 1)
    own.option("--labels <names>", `labels that become maps, with commas between`, labelsOf(set), [
      ...set.maps,
    ]);
  if (set.maps.includes("buyer"))
    own.option(
      "--label-buyers",
      "label users by whether they ever bought; purchases are left out then, since they would tell it",
      false,
    );
  own.action(
    runs(async (path: string, options: Options) => {
      const source = await openSource(path);
      const line = progressLine({
        label: "import",
        unit: "rows",
        output: process.stderr,
        clock: systemClock,
      });
      try {
        const out = options.out ?? join("imported", set.name);
        const limited = options.limit === undefined ? {} : { limit: options.limit };
        const labels = options.labels === undefined ? {} : { labels: options.labels };
        const given = {
          out,
          identify: options.identify ?? 0,
          labelBuyers: options.labelBuyers === true,
          ...limited,
          ...labels,
        };
        const report = await runImport(set, source, given, (rows) => line.update(rows, null));
        line.end();
        print(options.json, report, () => draw(report));
      } finally {
        source.close();
      }
    }),
  );
}

function labelsOf(set: DataSet): (text: string) => string[] {
  return (text) => {
    const names = text.split(",");
    if (names.every((name) => set.maps.includes(name))) return names;
    throw new InvalidArgumentError(`${set.maps.join(", ")}, with commas between, please`);
  };
}

function draw(report: ImportReport): string[] {
  const { events, labelled, members, spanMs, refused, firstRefused, files } = report;
  const span = spanMs === null ? "" : `, ${formatMoment(spanMs[0])} to ${formatMoment(spanMs[1])}`;
  const codes = Object.entries(refused).map(([code, times]) => `${code} ${formatCount(times)}`);
  const replay = `resonance replay ${files.events}`;
  return [
    `${formatCount(events)} events${span}: ${files.events}`,
    ...(files.users === undefined
      ? ["nobody is labelled: segments are yours to define (docs/segments.md)"]
      : [
          `${formatCount(labelled)} labelled users: ${files.users}; ${formatCount(members)} of them identify themselves`,
          `their segments: ${files.segments}`,
        ]),
    `rows left out: ${codes.join(", ") || "none"}`,
    ...firstRefused.map(
      ({ file, line, code, message }) => `  ${file}:${line} ${code}: ${withoutControls(message)}`,
    ),
    `next: ${files.segments === undefined ? "" : `resonance up --segments ${files.segments}, and then `}${replay}`,
  ];
}
