import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { version } from "../adapters/package-version.ts";
import { DEFAULT_NODE_OPTIONS, type NodeOptions } from "../node-options.ts";
import type { NodeRole } from "../supervisor/cluster-records.ts";
import { isAuthFolder, SERVER_AUTH_FILE } from "./auth/client-folder.ts";
import { durationMs, wholeNumber } from "./client-options.ts";
import { withConfiguration } from "./config/with-configuration.ts";
import { type IntakeCommandOptions, intakeOf, withIntakeOptions } from "./http-options.ts";
import { identityOf, type NatsOptions, natsUrlOption, withNatsOptions } from "./nats-options.ts";
import { readContentFile } from "./read-content-file.ts";
import { readDefinitions } from "./read-definitions.ts";
import { readPolicyFile } from "./read-policy-file.ts";

/** What `up` and other commands that start a node take. */
export type NodeCommandOptions = Readonly<{
  nats?: string;
  data: string;
  prefix: string;
  shards: number;
  threads: number;
  resident: number;
  ring: number;
  publishEvery: number;
  sync: "interval" | "always";
  segments?: string;
  content?: string;
  policy?: string;
  refit: boolean;
  recalibrate: number;
  dimMax: number;
  name?: string;
  roles: readonly NodeRole[];
  weight: number;
  standbys: 0 | 1 | 2;
  moves: number;
  snapshotEvery: number;
  keepLog: number;
  forgetAfter: number;
}> &
  IntakeCommandOptions &
  NatsOptions;

/** Beside the 16 that are kept for what no segment asks about yet, one at least tells segments apart. */
const DIM_MIN = 17;

/** Adds the options of a node to a command. */
export function withNodeOptions(command: Command): Command {
  const given = DEFAULT_NODE_OPTIONS;
  const own = command
    .option("--data <folder>", "where the node keeps its state", given.dataDir)
    .option("--prefix <word>", "first word of the engine's subjects", prefixWord, given.prefix)
    .option("--segments <file>", "JSON file that defines maps and segments (docs/segments.md)")
    .option("--content <file>", "JSON file that defines placements and their contents (docs/content.md)")
    .option("--policy <file>", "JSON file that says who is asked for what consent (docs/privacy.md)")
    .option("--shards <n>", "number of shards, fixed at creation", wholeNumber(1), given.shards)
    .option("--threads <n>", "worker threads", wholeNumber(1), given.threads)
    .option(
      "--resident <n>",
      "users a shard keeps in memory; others stay on disk",
      wholeNumber(1),
      given.residentUsers,
    )
    .option("--ring <n>", "newest events kept of a user", wholeNumber(1), given.ringEvents)
    .option(
      "--publish-every <ms>",
      "shortest time between publications of profiles",
      wholeNumber(50),
      given.publishEveryMs,
    )
    .addOption(
      new Option("--sync <when>", "when the embedded server syncs its files to disk")
        .choices(["interval", "always"])
        .default(given.sync),
    )
    .option("--no-refit", "fit the encoder only by command")
    .addOption(
      new Option(
        "--recalibrate <duration>",
        'shortest time between fits of the calibrations, such as 12h or 1d; "off": only by command',
      )
        .argParser(durationOrOff)
        .default(given.recalibrateEveryMs, "1d"),
    )
    .option(
      "--dim-max <n>",
      "dimensions of a fitted encoder at most: fewer are faster and take less memory",
      wholeNumber(DIM_MIN),
      given.dimMax,
    )
    .option(
      "--name <word>",
      "the node's name in the cluster (default: made once, kept in the data folder)",
      nameWord,
    )
    .option("--roles <list>", "what the node does: shards,gateway,profiles", roleList, given.roles)
    .option("--weight <n>", "the node's capacity, relative to the other nodes'", wholeNumber(1), given.weight)
    .option("--standbys <n>", "copies of each shard on other nodes: 0, 1 or 2", standbyCount, given.standbys)
    .option("--moves <n>", "shards handed over at one time", wholeNumber(1), given.movesMax)
    .option(
      "--snapshot-every <s>",
      "seconds between two snapshots of a shard; 0 for none",
      wholeNumber(0),
      given.snapshotEveryMs / 1_000,
    )
    .option(
      "--keep-log <hours>",
      "how long logs keep what snapshots contain",
      wholeNumber(0),
      given.keepLogMs / 3_600_000,
    )
    .addOption(
      new Option(
        "--forget-after <duration>",
        'erase users of whom nothing was heard for so long, such as 90d; "off": never',
      )
        .argParser(durationOrOff)
        .default(given.idleMs, "off"),
    )
    .addOption(natsUrlOption("--nats <urls>", "NATS servers to use (default: find or fetch one and run it)"));
  return withConfiguration(withIntakeOptions(withNatsOptions(own)));
}

/** The node that a command's options describe. */
export async function nodeOptionsOf(options: NodeCommandOptions): Promise<NodeOptions> {
  const maps = options.segments === undefined ? undefined : await readDefinitions(options.segments);
  const catalogue = options.content === undefined ? undefined : await readContentFile(options.content, maps);
  const policy = options.policy === undefined ? undefined : await readPolicyFile(options.policy);
  return {
    ...DEFAULT_NODE_OPTIONS,
    ...intakeOf(options),
    ...(options.nats === undefined ? {} : { nats: options.nats }),
    ...(await authOf(options)),
    version: version(),
    dataDir: options.data,
    prefix: options.prefix,
    shards: options.shards,
    threads: Math.min(options.threads, options.shards),
    residentUsers: options.resident,
    ringEvents: options.ring,
    publishEveryMs: options.publishEvery,
    sync: options.sync,
    ...(options.name === undefined ? {} : { name: options.name }),
    roles: options.roles,
    weight: options.weight,
    standbys: options.standbys,
    movesMax: options.moves,
    snapshotEveryMs: options.snapshotEvery === 0 ? Number.POSITIVE_INFINITY : options.snapshotEvery * 1_000,
    keepLogMs: options.keepLog * 3_600_000,
    idleMs: options.forgetAfter,
    dimMax: options.dimMax,
    recalibrateEveryMs: options.recalibrate,
    refit: options.refit ? DEFAULT_NODE_OPTIONS.refit : null,
    ...(maps === undefined ? {} : { maps }),
    ...(catalogue === undefined ? {} : { catalogue }),
    ...(policy === undefined ? {} : { policy }),
  };
}

/**
 * Who the node is. Of the folder that `resonance auth init` has made, the node's part; its server's part is for an embedded
 * server.
 */
async function authOf(options: NodeCommandOptions): Promise<Pick<NodeOptions, "identity" | "serverAuth">> {
  const { auth } = options;
  const isWhole = auth !== undefined && (await isAuthFolder(auth));
  const identity = await identityOf(isWhole ? { ...options, auth: join(auth, "node") } : options);
  const isServer = isWhole && options.nats === undefined;
  return { identity, ...(isServer ? { serverAuth: join(auth, SERVER_AUTH_FILE) } : {}) };
}

const ROLES: readonly NodeRole[] = ["shards", "gateway", "profiles"];

function roleList(text: string): readonly NodeRole[] {
  const words = text.split(",").map((word) => word.trim());
  const roles = ROLES.filter((role) => words.includes(role));
  if (roles.length > 0 && words.every((word) => (ROLES as readonly string[]).includes(word))) return roles;
  throw new InvalidArgumentError(`a list of ${ROLES.join(", ")}, please`);
}

function durationOrOff(text: string): number {
  return text === "off" ? Number.POSITIVE_INFINITY : durationMs(text);
}

function standbyCount(text: string): 0 | 1 | 2 {
  if (text === "0" || text === "1" || text === "2") return Number(text) as 0 | 1 | 2;
  throw new InvalidArgumentError("0, 1 or 2, please");
}

function nameWord(text: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("1 to 64 letters, digits, - and _, please");
}

function prefixWord(text: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError("1 to 32 letters, digits, - and _, please");
}
