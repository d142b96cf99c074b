import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { connectClient } from "../../src/cli/client.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const EVENTS = 12_000;
const SHARDS = 2;

test("a replay goes on without loss when it is killed, and when the node is", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-replay-"));
  const data = join(folder, "node");
  const started: NodeProcess[] = [];
  try {
    const shop = shopSimulator({ seed: 9, visitors: 400, startMs: Date.UTC(2026, 0, 5) });
    const events = Array.from({ length: EVENTS }, () => toWire(shop.next()));
    const file = join(folder, "events.jsonl.gz");
    const lines = events.map((event) => JSON.stringify(event));
    lines.splice(100, 0, "not an event"); // A bad line is counted and passed over.
    await writeFile(file, gzipSync(lines.join("\n")));

    const segments = await definitionsFile(folder, shop.definitions);
    const up = async () => {
      const process = await startNodeProcess([
        "--data",
        data,
        "--segments",
        segments,
        "--shards",
        String(SHARDS),
        "--no-refit",
      ]);
      started.push(process);
      return process;
    };
    let node = await up();
    const client = await connectClient({ data, prefix: "resonance" }, "replay test");
    const folded = async () => {
      const status = (await client.ask("status", {}).catch(() => undefined)) as StatusReply | undefined;
      return status?.events ?? 0;
    };

    const first = replay(file, data);
    while ((await savedLine(data)) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    first.kill("SIGKILL");
    await once(first, "exit");

    const second = replay(file, data);
    const printed = outputOf(second);
    while ((await folded()) < EVENTS / 2) await new Promise((resolve) => setTimeout(resolve, 10));
    await node.kill();
    node = await up();
    const result = JSON.parse(await printed) as {
      resumedAtLine: number;
      lines: number;
      refused: Record<string, number>;
    };
    expect(result.resumedAtLine).toBeGreaterThan(0);
    expect(result.lines).toBe(EVENTS + 1);
    expect(result.refused).toEqual({});

    await untilFolded(client);
    await client.close();
    await node.stop();
    let counted = 0;
    for (let shard = 0; shard < SHARDS; shard++) {
      const store = lmdbContextStore(join(data, "shards", String(shard)));
      for (const [user, bytes] of store.contexts()) counted += decodeContext(user, bytes).events;
      await store.close();
    }
    expect(counted).toBe(events.filter((event) => event.type !== "identify").length);
  } finally {
    for (const process of started) await process.stop(); // Its NATS server too, should a check have failed.
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

function replay(file: string, data: string): ChildProcess {
  const options = ["replay", file, "--data", data, "--json", "--batch", "50", "--in-flight", "2"];
  return spawn(process.execPath, [MAIN, ...options], { stdio: ["ignore", "pipe", "ignore"] });
}

/** The line that a replay has written down to go on from; 0 before it has. */
async function savedLine(data: string): Promise<number> {
  const name = (await readdir(data)).find((entry) => entry.startsWith("replay-") && entry.endsWith(".json"));
  if (name === undefined) return 0;
  return (JSON.parse(await readFile(join(data, name), "utf8")) as { line: number }).line;
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, "exit");
  return text;
}
