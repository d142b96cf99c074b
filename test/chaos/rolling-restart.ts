import { Command, InvalidArgumentError } from "commander";
import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { runRolling } from "./run-rolling.ts";

type Options = Readonly<{
  servers: number;
  nodes: number;
  shards: number;
  rate: number;
  batch: number;
  scores: number;
  rounds: number;
  steady: number;
  seed: number;
  old: boolean;
  json: boolean;
}>;

/** Within this time a client asks once: what is counted are requests, not questions. */
const SCORE_TIMEOUT_MS = 2_500;

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number, please");
  return Number(text);
};

/** `npm run test:rolling`: every node restarted in order under load; the last line is what clients saw, as JSON. */
const options = new Command("test:rolling")
  .description("restart the nodes of a cluster one after the other while clients ask and send")
  .option("--servers <n>", "NATS servers: 1 or 3", whole, 1)
  .option("--nodes <n>", "nodes of the engine", whole, 3)
  .option("--shards <n>", "shards", whole, 8)
  .option("--rate <n>", "events a second", whole, 5_000)
  .option("--batch <n>", "events a request", whole, 100)
  .option("--scores <n>", "score requests a second", whole, 1_000)
  .option("--rounds <n>", "restarts of each node", whole, 2)
  .option("--steady <s>", "seconds of load before the first restart", whole, 10)
  .option("--seed <n>", "the same seed simulates the same shop", whole, 1)
  .option("--old", "use the server that this machine has, not the newest", false)
  .option("--json", "print nothing but the result", false)
  .parse()
  .opts<Options>();

const beganMs = performance.now();
const report = (line: string): void => {
  if (options.json) return;
  const at = ((performance.now() - beganMs) / 1_000).toFixed(1).padStart(7);
  process.stderr.write(`${at} ${line}\n`);
};
// Guards end and remove everything as soon as this process is gone, however it goes.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const found = await natsUnderTest();
const usable = found.flatMap((server) => ("skipped" in server ? [] : [server.binary]));
const binary = options.old ? usable[0] : usable.at(-1);
if (binary === undefined) throw new Error("there is no nats-server");
const result = await runRolling(
  { ...options, binary, scoreTimeoutMs: SCORE_TIMEOUT_MS, steadyMs: 1_000 * options.steady },
  report,
);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(result.failed === 0 ? 0 : 1);
