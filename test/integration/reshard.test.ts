import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { startNats } from "../start-nats.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);
const EVENTS = 3_000;

test("two shards become four, and every event counts once, before, between and after", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-reshard-"));
  const data = join(folder, "node");
  const started: NodeProcess[] = [];
  try {
    const shop = shopSimulator({ seed: 8, visitors: 200, startMs: Date.UTC(2026, 0, 5) });
    const segments = await definitionsFile(folder, shop.definitions);
    const up = async (shards: number) => {
      const options = ["--nats", nats.url, "--data", data, "--segments", segments, "--shards", `${shards}`];
      const process = await startNodeProcess([...options, "--no-refit", "--publish-every", "100"]);
      started.push(process);
      return process;
    };
    const reshard = async (...given: string[]): Promise<Record<string, unknown>> => {
      const all = [MAIN, "reshard", ...given, "--nats", nats.url, "--data", join(folder, "work"), "--json"];
      const { stdout } = await run(process.execPath, all).catch((thrown: { stdout: string }) => thrown);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "reshard test");
    const events = Array.from({ length: EVENTS }, () => toWire(shop.next()));
    const send = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 100) await ingest(client, events.slice(at, at + 100), 1_000);
    };

    const before = await up(2);
    await send(0, 1_500);
    expect(await reshard("--shards", "4")).toMatchObject({ error: { code: "NODES_RUNNING" } });
    await untilFolded(client);
    const user = events[0]?.user ?? "";
    const was = (await client.ask("score", { user })) as ScoreReply;
    await before.stop();
    expect(await reshard("--shards", "3")).toMatchObject({ error: { code: "BAD_SHARD_COUNT" } });
    expect(await reshard("--shards", "4", "--plan")).toMatchObject({ done: false, from: { shards: 2 } });
    expect(await reshard("--shards", "4")).toMatchObject({ done: true, to: { shards: 4, generation: 2 } });
    await expect(up(2)).rejects.toThrow("SHARDS_FIXED");

    const after = await up(4);
    const is = (await client.ask("score", { user })) as ScoreReply;
    expect(is.segments).toEqual(was.segments);
    expect(is.position.shard).toBe(shardOf(user, 4));
    await send(1_400, EVENTS); // Some of them again: they are known.
    await untilFolded(client);
    await after.stop();
    await client.close();

    let counted = 0;
    for (let shard = 0; shard < 4; shard++) {
      const store = lmdbContextStore(join(data, "shards-g2", String(shard)));
      for (const [name, bytes] of store.contexts()) {
        expect(shardOf(name, 4)).toBe(shard);
        counted += decodeContext(name, bytes).events;
      }
      await store.close();
    }
    expect(counted).toBe(events.filter((event) => event.type !== "identify").length);
  } finally {
    for (const process of started) await process.stop();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 90_000);
