import { type Command, Option } from "commander";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { durationMs, positiveNumber, wholeNumber } from "../client-options.ts";
import { identityOf, type NatsOptions, natsUrlOption, withNatsOptions } from "../nats-options.ts";
import { note, runs } from "../output.ts";

/** Cells of a line where the terminal does not say: wide enough for every column of the result. */
const COLUMNS = 180;

/** As `bench/harness/scenarios.ts` has them, which is loaded only to run them. */
const SCENARIOS =
  "drain, ingest, score, content, mixed, visible, batch, failover, peer (these if none is named); start, memory, " +
  "growth-segments, growth-users, growth-threads (growth: all three), soak, erase; all";

/** `resonance bench`: load scenarios, each beside what the machine allows. */
export function addBenchCommand(program: Command): void {
  const given = DEFAULT_NODE_OPTIONS;
  withNatsOptions(program.command("bench"))
    .description("measure a deployment that it starts, or a running one, each figure beside its ceiling")
    .argument("[scenario...]", SCENARIOS)
    .option("--json <file>", "write the result as JSON")
    .option("--html <file>", "write the result as an HTML page with plots")
    .addOption(
      natsUrlOption("--nats <url>", "measure the deployment on these NATS servers instead of starting one"),
    )
    .option("--prefix <word>", "first word of the engine's subjects", given.prefix)
    .option("--rounds <n>", "rounds of each measurement", wholeNumber(1), 3)
    .option("--smoke", "tiny sizes: shows that all works, measures nothing", false)
    .option("--events <n>", "events of a round", wholeNumber(100))
    .option("--users <n>", "users of start, memory and growth-users (default: 1000000)", wholeNumber(100))
    .option("--segments <n>", "segments of the map", wholeNumber(2), 64)
    .option("--dims <n>", "dimensions of the encoder at most", wholeNumber(17), 32)
    .option("--shards <n>", "shards of the deployment", wholeNumber(1), given.shards)
    .option("--threads <n>", "worker threads of a node", wholeNumber(1), given.threads)
    .option("--rate <n>", "events a second of open loops", positiveNumber, 20_000)
    .option("--score-rate <n>", "scores a second of open loops", positiveNumber, 5_000)
    .option("--in-flight <n>", "requests under way in closed loops", wholeNumber(1), 256)
    .option("--duration <time>", "length of a round of requests, such as 10s", durationMs)
    .option("--events-file <file>", "events to send, JSON lines")
    .option("--data <folder>", "folder with globo.events.jsonl.gz (default: ../shared/data, else simulated)")
    .option("--nats-server <path>", "the NATS server to run (default: as `up` finds it)")
    .addOption(
      new Option("--sync <when>", "when the NATS server syncs its files to disk")
        .choices(["interval", "always"])
        .default(given.sync),
    )
    .option("--profile <folder>", "profile the nodes, and print what their threads spend their time with")
    .option("--work <folder>", "keep prepared deployments there for later runs (default: a temporary folder)")
    .addOption(
      new Option("--via <way>", "ask for scores through any gateway, or from the shard's owner")
        .choices(["gateway", "shard", "both"])
        .default("both"),
    )
    .action(
      runs(async (scenarios: string[], options: Omit<Parameters<RunBench>[0], "scenarios"> & NatsOptions) => {
        const { duration, ...rest } = options as typeof options & { duration?: number };
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130)); // Ends what it started; it may be told twice.
        // Loaded only here: the engine itself never needs it.
        if (options.nats !== undefined) {
          const { setBenchIdentity } = await import("../../../bench/harness/bench-access.ts");
          setBenchIdentity(await identityOf(options));
        }
        const { runBench } = await import("../../../bench/harness/run-bench.ts");
        const isWhole = await runBench(
          { ...rest, scenarios, ...(duration === undefined ? {} : { durationMs: duration }) },
          {
            note,
            print: (line) => void process.stdout.write(`${line}\n`),
            columns: process.stdout.columns ?? COLUMNS,
          },
        );
        if (!isWhole) process.exitCode = 1;
      }),
    );
}

type RunBench = typeof import("../../../bench/harness/run-bench.ts").runBench;
