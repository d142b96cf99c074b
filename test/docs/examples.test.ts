import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectClient } from "../../src/cli/client.ts";
import { type NodeProcess, startNodeProcess } from "../integration/node-process.ts";
import { ROOT } from "./markdown-blocks.ts";

const run = promisify(execFile);

/** Examples in the order in which examples/README.md tells them, and what each prints. */
const EXAMPLES: readonly Readonly<{ file: string; prints: RegExp }>[] = [
  { file: "fill.ts", prints: /^2700 events of 300 members stored$/m },
  { file: "plain-nats.ts", prints: /^after 5 views: .*runner \d+\.\d %/m },
  { file: "content-loop.ts", prints: /shown \d+ times, clicked \d+/ },
  { file: "transitions.ts", prints: /^a visitor entered climber at \d+\.\d %$/m },
  { file: "over-http.ts", prints: /^1 event stored; the score is made of 1\.0 events$/m },
];
/** Parts of others. */
const PARTS = ["engine.ts"];

let folder: string;
let node: NodeProcess;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-examples-"));
  const data = join(folder, "node");
  const key = async (role: string) => {
    const made = await cli(
      "auth",
      "key",
      "new",
      "--role",
      role,
      "--name",
      `example-${role}`,
      "--data",
      data,
      "--json",
    );
    return (JSON.parse(made) as { key: string }).key;
  };
  const keys = { RESONANCE_PRODUCER_KEY: await key("producer"), RESONANCE_READER_KEY: await key("reader") };
  const files = ["--segments", "examples/segments.json", "--content", "examples/content.json"];
  node = await startNodeProcess(["--data", data, ...files, "--http", "127.0.0.1:0", "--no-refit"]);
  const { nats, http } = node.ready as { nats: { url: string }; http: { url: string } };
  env = { ...process.env, ...keys, RESONANCE_NATS_URL: nats.url, RESONANCE_HTTP_URL: http.url };
}, 120_000);
afterAll(async () => {
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

test.for(EXAMPLES)("examples/$file runs against a node", { timeout: 120_000 }, async ({ file, prints }) => {
  const { stdout } = await run(process.execPath, [join("examples", file)], {
    cwd: ROOT,
    env,
    timeout: 100_000,
  });
  expect(stdout).toMatch(prints);
  if (file !== "fill.ts") return;
  // Like a shop at night: the members are known, and the encoder is fitted to them.
  await cli("train", "--nats", env["RESONANCE_NATS_URL"] ?? "");
  await untilServed();
});

test("each example is run here, and told in their README", async () => {
  const files = (await readdir(join(ROOT, "examples"))).filter((name) => name.endsWith(".ts"));
  expect(files.sort()).toEqual([...EXAMPLES.map(({ file }) => file), ...PARTS].sort());
});

async function cli(...words: string[]): Promise<string> {
  return (await run(process.execPath, ["src/cli/main.ts", ...words], { cwd: ROOT })).stdout;
}

/** Until the profiles under the fitted encoder are published. */
async function untilServed(): Promise<void> {
  const nats = env["RESONANCE_NATS_URL"] ?? "";
  const client = await connectClient({ nats, data: folder, prefix: "resonance" }, "examples test");
  try {
    await expect
      .poll(async () => JSON.stringify(await client.ask("profiles", {})), { timeout: 60_000, interval: 200 })
      .toContain('"linear-');
  } finally {
    await client.close();
  }
}
