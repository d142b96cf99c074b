import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_NODE_OPTIONS, type NodeOptions } from "../node-options.ts";
import { wholeNumber } from "./client-options.ts";
import { readDefinitions } from "./read-definitions.ts";

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
  refit: boolean;
}>;

/** Adds the options of a node to a command. */
export function withNodeOptions(command: Command): Command {
  const given = DEFAULT_NODE_OPTIONS;
  return command
    .option("--nats <urls>", "NATS servers to use (default: find or fetch one and run it)")
    .option("--data <folder>", "where the node keeps its state", given.dataDir)
    .option("--prefix <word>", "first word of the engine's subjects", prefixWord, given.prefix)
    .option("--segments <file>", "JSON file that defines maps and segments (docs/segments.md)")
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
    .option("--no-refit", "fit the encoder only by command");
}

/** The node that a command's options describe. */
export async function nodeOptionsOf(options: NodeCommandOptions): Promise<NodeOptions> {
  const maps = options.segments === undefined ? undefined : await readDefinitions(options.segments);
  return {
    ...DEFAULT_NODE_OPTIONS,
    ...(options.nats === undefined ? {} : { nats: options.nats }),
    dataDir: options.data,
    prefix: options.prefix,
    shards: options.shards,
    threads: Math.min(options.threads, options.shards),
    residentUsers: options.resident,
    ringEvents: options.ring,
    publishEveryMs: options.publishEvery,
    sync: options.sync,
    refit: options.refit ? DEFAULT_NODE_OPTIONS.refit : null,
    ...(maps === undefined ? {} : { maps }),
  };
}

function prefixWord(text: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError("1 to 32 letters, digits, - and _, please");
}
