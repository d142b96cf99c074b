import { expect, test } from "vitest";
import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { FAULT_KINDS } from "./faults.ts";
import { type ChaosOptions, runChaos } from "./run-chaos.ts";

/** A run takes about 45 s alone; the tests of a suite share the machine with others. */
const TIMEOUT_MS = 300_000;
const COMMON = {
  seed: 11,
  shards: 4,
  rate: 200,
  scores: 30,
  pauseMs: { min: 200, max: 800 },
  lastsMsMax: 2_500,
  patienceMs: 90_000,
} satisfies Partial<ChaosOptions>;

const servers = await natsUnderTest();
const binaries = servers.flatMap((server) => ("skipped" in server ? [] : [server.binary]));
const [usual, newest] = [binaries[0], binaries.at(-1)];

test.skipIf(newest === undefined)(
  `three nodes over three servers of NATS ${newest?.version} lose, double and change nothing under faults`,
  async () => {
    if (newest === undefined) return;
    const result = await run({
      ...COMMON,
      binary: newest,
      kills: 6,
      servers: 3,
      nodes: 3,
      kinds: FAULT_KINDS,
    });
    expect(result, result.findings.join("; ")).toMatchObject({
      lost: 0,
      doubled: 0,
      different: 0,
      scoreFailed: 0,
      notAtRest: 0,
      crashes: 0,
    });
  },
  TIMEOUT_MS,
);

test.skipIf(usual === undefined)(
  `two nodes over one server of NATS ${usual?.version} lose, double and change nothing under faults`,
  async () => {
    if (usual === undefined) return;
    const kinds = ["node", "worker", "server"] as const;
    const result = await run({ ...COMMON, binary: usual, kills: 3, servers: 1, nodes: 2, kinds });
    expect(result, result.findings.join("; ")).toMatchObject({
      lost: 0,
      doubled: 0,
      different: 0,
      notAtRest: 0,
      crashes: 0,
    });
  },
  TIMEOUT_MS,
);

async function run(options: ChaosOptions) {
  const said: string[] = [];
  try {
    const result = await runChaos(options, (line) => said.push(line));
    if (result.findings.length > 0) process.stdout.write(`${said.join("\n")}\n`);
    return result;
  } catch (thrown) {
    process.stdout.write(`${said.join("\n")}\n`);
    throw thrown;
  }
}
