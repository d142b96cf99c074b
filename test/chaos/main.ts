import { Command, InvalidArgumentError } from "commander";
import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import { runChaos } from "./run-chaos.ts";

type Options = Readonly<{
  kills: number;
  seed: number;
  servers: number;
  nodes: number;
  shards: number;
  rate: number;
  scores: number;
  kinds: readonly FaultKind[];
  old: boolean;
  json: boolean;
}>;

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number, please");
  return Number(text);
};
const kinds = (text: string): readonly FaultKind[] => {
  const words = text.split(",");
  const known = FAULT_KINDS.filter((kind) => words.includes(kind));
  if (known.length === words.length) return known;
  throw new InvalidArgumentError(`some of ${FAULT_KINDS.join(", ")}, please`);
};

/** `npm run test:chaos`: real processes under faults; the last line is what was found, as JSON. */
const options = new Command("test:chaos")
  .description("kill, stop, cut off and fill up a cluster under load, and judge what it holds in the end")
  .option("--kills <n>", "how many faults", whole, 100)
  .option("--seed <n>", "the same seed draws the same shop and faults", whole, 1)
  .option("--servers <n>", "NATS servers: 1 or 3", whole, 3)
  .option("--nodes <n>", "nodes of the engine", whole, 3)
  .option("--shards <n>", "shards", whole, 8)
  .option("--rate <n>", "events a second", whole, 500)
  .option("--scores <n>", "score requests a second", whole, 50)
  .option("--kinds <list>", "kinds of faults", kinds, FAULT_KINDS)
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
const result = await runChaos(
  { ...options, binary, pauseMs: { min: 1_000, max: 4_000 }, lastsMsMax: 5_000, patienceMs: 60_000 },
  report,
);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(result.lost + result.doubled + result.different === 0 ? 0 : 1);
