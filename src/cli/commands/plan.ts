import { type Command, InvalidArgumentError } from "commander";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { durationMs, numberBetween, positiveNumber, wholeNumber } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { MEASURED } from "../plan/measured-costs.ts";
import { type Load, type Plan, planCapacity } from "../plan/plan-capacity.ts";
import { formatBytes, formatCount } from "../view/format-number.ts";
import { renderTable } from "../view/table.ts";

type Options = Readonly<{
  users: number;
  eventsPerUserDay: number;
  scoresPerUserDay: number;
  peak: number;
  active: number;
  ringEvents: number;
  batched: boolean;
  standbys: number;
  replicas: number;
  keepLog: number;
  cores: number;
  memory: number;
  utilisation: number;
  json: boolean;
}>;

const HOUR_MS = 3_600_000;

/** `resonance plan`: what a load takes, on paper. */
export function addPlanCommand(program: Command): void {
  program
    .command("plan")
    .description("reckon what a load takes: shards, nodes, NATS servers, memory, disks (docs/capacity.md)")
    .requiredOption("--users <n>", "users who are kept, such as 100M or 250k", countText)
    .option(
      "--events-per-user-day <n>",
      "events of a user a day, on average over all users",
      positiveNumber,
      20,
    )
    .option("--scores-per-user-day <n>", "questions about a user a day", positiveNumber, 10)
    .option("--peak <factor>", "events of the busiest hour by the average one", positiveNumber, 3)
    .option(
      "--active <share>",
      "users who act within an hour of the peak, from 0 to 1",
      numberBetween(0, 1),
      0.05,
    )
    .option(
      "--ring-events <n>",
      "events that the ring of newest ones holds of a user, on average",
      wholeNumber(0),
      60,
    )
    .option("--batched", "services send events in batches", false)
    .option(
      "--standbys <n>",
      "copies of each shard on other nodes",
      wholeNumber(0),
      DEFAULT_NODE_OPTIONS.standbys,
    )
    .option("--replicas <n>", "copies of each stream among the NATS servers", wholeNumber(1), 3)
    .option("--keep-log <duration>", "how long logs are kept", durationMs, DEFAULT_NODE_OPTIONS.keepLogMs)
    .option("--cores <n>", "processor cores of a node's machine", wholeNumber(1), 16)
    .option("--memory <size>", "memory of a node's machine, such as 64G", sizeText, 64 * 2 ** 30)
    .option(
      "--utilisation <share>",
      "share of the cores that may be busy at the peak",
      numberBetween(0.05, 1),
      0.6,
    )
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (options: Options) => {
        const load = loadOf(options);
        const plan = planCapacity(load, MEASURED);
        print(options.json, { load, plan }, () => draw(load, plan));
      }),
    );
}

function loadOf(options: Options): Load {
  const { users, eventsPerUserDay, scoresPerUserDay, peak, ringEvents, standbys, replicas, utilisation } =
    options;
  return {
    ...{ users, eventsPerUserDay, scoresPerUserDay, peak, ringEvents, standbys, replicas, utilisation },
    activeShare: options.active,
    isBatched: options.batched,
    keepLogHours: options.keepLog / HOUR_MS,
    nodeCores: options.cores,
    nodeMemoryBytes: options.memory,
  };
}

function draw(load: Load, plan: Plan): string[] {
  return [
    ...renderTable(
      [
        { title: "what", align: "left" },
        { title: "how much", align: "right" },
        { title: "so", align: "left" },
      ],
      planRows(load, plan),
      process.stdout.columns ?? 140,
    ),
    "by costs that were measured on two shared cores: docs/capacity.md has each, and what this leaves out",
  ];
}

/** The plan as rows of a table: what, how much, and what it follows from. */
export function planRows(load: Load, { events, scores, shards, nodes, nats }: Plan): string[][] {
  const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
  const count = (value: number) => formatCount(Math.ceil(value));
  const perSecond = (bytes: number) => `${formatBytes(bytes)}/s`;
  const kept = load.keepLogHours / 24;
  return [
    ["events a second", `${count(events.average)}, at the peak ${count(events.peak)}`, ""],
    ["scores a second", `${count(scores.average)}, at the peak ${count(scores.peak)}`, ""],
    ["shards", count(shards.count), `--shards ${shards.count}; ${count(shards.users)} users each`],
    [
      "a shard's thread",
      percent(shards.threadBusy),
      `busy with ${count(shards.eventsPeak)} events/s at the peak`,
    ],
    [
      "a shard restored",
      `${shards.restoreSeconds.toFixed(0)} s`,
      "from its snapshot, where no standby is left",
    ],
    [
      "nodes",
      count(nodes.count),
      `by ${nodes.because}; ${load.standbys} standby a shard, one node more than needed`,
    ],
    ["cores a node", nodes.cores.toFixed(1), `of ${load.nodeCores}; --threads ${nodes.threads}`],
    [
      "memory a node",
      formatBytes(nodes.memoryBytes),
      `--resident ${nodes.residentPerShard}: ${count(nodes.residentUsers)} users`,
    ],
    ["disk a node", formatBytes(nodes.diskBytes), "LMDB, with room to rewrite"],
    [
      "NATS servers",
      count(nats.servers),
      `${nats.cores.toFixed(1)} cores together; ${load.replicas} copies of each stream`,
    ],
    ["logs", formatBytes(nats.logBytes), `${kept} days, all copies`],
    ["snapshots", formatBytes(nats.snapshotBytes), "the newest two, all copies"],
    ["disk a NATS server", formatBytes(nats.diskBytesServer), "with room"],
    [
      "network of all servers",
      `${perSecond(nats.inBytesPerSecond)} in, ${perSecond(nats.outBytesPerSecond)} out`,
      "at the peak",
    ],
  ];
}

/** Parses a count such as `100M`, for commander. */
function countText(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text);
  const factors = { "": 1, k: 1e3, M: 1e6, G: 1e9 };
  const value = match === null ? 0 : Number(match[1]) * factors[match[2] as keyof typeof factors];
  if (value >= 1) return Math.round(value);
  throw new InvalidArgumentError("a count such as 250k, 100M or 5000, please");
}

/** Parses a size such as `64G`, in binary units, for commander. */
function sizeText(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([MG])$/.exec(text);
  if (match === null) throw new InvalidArgumentError("a size such as 64G or 512M, please");
  return Number(match[1]) * 2 ** (match[2] === "G" ? 30 : 20);
}
