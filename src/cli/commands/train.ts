import { type Command, Option } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { ENCODER_KINDS, type EncoderKind } from "../../embedding/encoder-training.ts";
import { FEATURES } from "../../features/all-families.ts";
import type { HistorySource } from "../../gather-histories.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import type { Leaderboard } from "../../resonance/evaluation/leaderboard.ts";
import type { SegmentDefinitions, SegmentMap } from "../../resonance/segment-map.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { drawLeaderboard, LEGEND } from "../evaluate/leaderboard-text.ts";
import { note, print, runs } from "../output.ts";
import { readDefinitions } from "../read-definitions.ts";
import type { MapLabel } from "../recording/segment-maps.ts";
import { encoderKinds, nameAndLabel } from "../recording-options.ts";
import { readReleaseFolder, writeReleaseFolder } from "../training/release-folder.ts";
import { storedRelease, storeRelease, withReleases } from "../training/stored-release.ts";
import { trainFromFiles } from "../training/train-from-files.ts";
import { ask, trainRunning } from "../training/train-running.ts";
import { formatCount } from "../view/format-number.ts";

type Options = ClientOptions &
  Readonly<{
    json: boolean;
    encoder: readonly EncoderKind[];
    leaderboard: boolean;
    source: HistorySource;
    out?: string;
    from?: string;
    hold: boolean;
    events?: string;
    users?: string;
    map?: readonly MapLabel[];
    segments?: string;
    usersMax?: number;
    seed: number;
    dimMax: number;
  }>;

/** `resonance train`: fits a new encoder, from a running engine's members or from files, and rolls it out. */
export function addTrainCommand(program: Command): void {
  withClientOptions(program.command("train"))
    .description(
      "train an encoder from the members of a running engine and roll it out, or from files into a folder",
    )
    .option(
      "--encoder <kinds>",
      `${ENCODER_KINDS.join(", ")}, several with commas, or best or all: of several the best on held-out members`,
      (text: string) => encoderKinds(text === "best" ? "all" : text),
      ["linear"],
    )
    .option("--leaderboard", "compare with the baselines on held-out members, also a single encoder", false)
    .option("--hold", "prepare it and wait: see `resonance whatif`, then `resonance promote`", false)
    .option("--out <folder>", "write the encoder into a folder; needed with --events")
    .option("--from <folder>", "train nothing: roll out the encoder that a folder holds")
    .addOption(
      new Option("--source <name>", "read whole histories from the log, or the newest events from the shards")
        .choices(["log", "rings"])
        .default("log"),
    )
    .option("--events <file>", "train from a file: JSON lines of events, gzip too")
    .option("--users <file>", "with --events: JSON lines of {user, labels: {name: value}}")
    .option(
      "--map <name=label>",
      "with --events: a map, and the label that its segments come from",
      nameAndLabel,
    )
    .option(
      "--segments <file>",
      "with --events: the maps of the deployment that the encoder is for, as for `up`",
    )
    .option("--users-max <n>", "with --events: about so many users, by hash", wholeNumber(1))
    .option("--seed <n>", "with --events: of the fit", wholeNumber(0), 1)
    .option(
      "--dim-max <n>",
      "with --events: dimensions of the encoder at most",
      wholeNumber(2),
      DEFAULT_NODE_OPTIONS.dimMax,
    )
    .action(
      runs(async (options: Options) => {
        if (options.events !== undefined) await trainOffline(options);
        else if (options.from !== undefined) await rollOutFolder(options, options.from);
        else await trainInEngine(options);
      }),
    );
}

function servesOnce({ hold }: Options): string {
  return hold ? "it is promoted" : "its profiles are built";
}

async function trainOffline(options: Options): Promise<void> {
  const { events: eventsPath, users: usersPath, map: maps, out, encoder: encoders } = options;
  if (eventsPath === undefined || usersPath === undefined || maps === undefined || out === undefined) {
    const message = "--events needs --users FILE, --map NAME=LABEL and --out FOLDER";
    throw new EngineError({ code: "OPTION_MISSING", message, retryable: false });
  }
  const definitions = options.segments === undefined ? undefined : await readDefinitions(options.segments);
  const { manifest, leaderboards } = await trainFromFiles({
    ...options,
    ...{ eventsPath, usersPath, out, encoders },
    ...(definitions === undefined ? { maps } : { maps: inOrderOf(definitions, maps), definitions }),
  });
  print(options.json, { ...manifest, leaderboards, out }, () => [
    ...drawAll(leaderboards),
    `encoder ${manifest.kind} ${manifest.version} trained from ${formatCount(manifest.members)} users, written to ${out}`,
    `"resonance train --from ${out}" rolls it out to a running engine`,
  ]);
}

/** In a deployment's order; what it does not define is last, and refused. */
function inOrderOf(definitions: readonly SegmentMap[], maps: readonly MapLabel[]): MapLabel[] {
  const place = ({ name }: MapLabel) => definitions.findIndex((defined) => defined.name === name);
  return maps.toSorted((a, b) => (place(a) + 1 || Infinity) - (place(b) + 1 || Infinity));
}

async function rollOutFolder(options: Options, folder: string): Promise<void> {
  const release = await readReleaseFolder(folder);
  const { kind, version } = release.manifest;
  const client = await connectClient(options, "resonance train");
  try {
    const definitions = (await client.ask("segments.get", {})) as SegmentDefinitions;
    await withReleases(client, (releases) => storeRelease(releases, definitions, release));
    await ask(client, "train", { rollOut: version, hold: options.hold });
    print(options.json, { encoder: version, kind }, () => [
      `encoder ${kind} ${version} is rolled out; it serves once ${servesOnce(options)}`,
    ]);
  } finally {
    await client.close();
  }
}

async function trainInEngine(options: Options): Promise<void> {
  const { encoder: encoders, leaderboard, source, hold, out } = options;
  const client = await connectClient(options, "resonance train");
  try {
    const result = await trainRunning(client, { encoders, leaderboard, source, hold });
    const { encoder, encoderKind: kind, report, leaderboards, read } = result;
    if (out !== undefined) {
      const { maps } = (await client.ask("segments.get", {})) as SegmentDefinitions;
      const stored = await withReleases(client, (releases) => storedRelease(releases, encoder));
      const manifest = {
        ...({ format: 1, version: encoder, kind, schema: FEATURES.version, seed: result.seed } as const),
        members: report.members,
        events: read.events,
        maps: maps.map(({ name, segments }) => ({
          name,
          segments: segments.map((segment) => segment.name),
        })),
        date: new Date(systemClock.nowMs()).toISOString(),
        heldOut: report.heldOut,
      };
      await writeReleaseFolder(out, { ...stored, manifest, leaderboards });
    }
    if (source === "log" && read.shards.rings > 0)
      note(
        `the log of ${formatCount(read.shards.rings)} shards is trimmed: the newest events of their users were read instead`,
      );
    print(options.json, { ...result, ...(out === undefined ? {} : { out }) }, () => [
      ...drawAll(leaderboards),
      `read ${formatCount(read.events)} events of members from ${sourcesText(read.shards)}`,
      `encoder ${kind} ${encoder} fitted from ${formatCount(report.members)} members; it serves once ${servesOnce(options)}`,
    ]);
  } finally {
    await client.close();
  }
}

function sourcesText({ log, rings }: Readonly<Record<HistorySource, number>>): string {
  const parts = [
    ...(log > 0 ? [`the whole log of ${log} shards`] : []),
    ...(rings > 0 ? [`the rings of ${rings} shards`] : []),
  ];
  return parts.join(" and ");
}

function drawAll(leaderboards: readonly Leaderboard[]): string[] {
  if (leaderboards.length === 0) return [];
  const columns = process.stdout.columns ?? 120;
  return [...leaderboards.flatMap((board) => [...drawLeaderboard(board, columns), ""]), ...LEGEND, ""];
}
