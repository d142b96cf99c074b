import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { Readiness } from "../../src/gateway/readiness.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);
/** One shard folds them for more than the second for which a node waits for its part anyway. */
const EVENTS = 60_000;
const EVENTS_A_REQUEST = 1_000;
/** Two nodes start and fold all of them. */
const LONG_MS = 120_000;
const PATIENCE = { timeout: 60_000, interval: 50 };

await describeWithNats("the readiness of a node", (suite) => {
  let folder: string;
  let keysFile: string;
  let reader: string;
  let client: Client;
  const running: NodeProcess[] = [];

  const up = async (name: string, ...more: string[]) => {
    const node = await startNodeProcess([
      ...["--data", join(folder, name), "--name", name, "--nats", suite().nats.url, "--prefix", "ready"],
      ...["--shards", "1", "--no-refit", "--segments", join(folder, "maps.json"), "--snapshot-every", "0"],
      ...["--http", "127.0.0.1:0", "--http-keys", keysFile, ...more],
    ]);
    running.push(node);
    const { url } = node.ready["http"] as { url: string };
    const readiness = async (): Promise<Readiness & { status: number }> => {
      const reply = await fetch(`${url}/readyz`);
      return { status: reply.status, ...((await reply.json()) as Readiness) };
    };
    const codes = async () => (await readiness()).reasons.map(({ code }) => code).join();
    const score = async () => {
      const headers = { authorization: `Bearer ${reader}`, "content-type": "application/json" };
      const reply = await fetch(`${url}/v1/score`, { method: "POST", headers, body: '{"user":"u1"}' });
      return [reply.status, reply.headers.get("connection")];
    };
    return { ...node, url, readiness, codes, score };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "resonance-ready-"));
    keysFile = join(folder, "keys.json");
    await writeFile(
      join(folder, "maps.json"),
      JSON.stringify({ maps: [{ name: "life", segments: ["new", "loyal"] }] }),
    );
    const args = ["auth", "key", "new", "--role", "reader", "--name", "app", "--keys", keysFile, "--json"];
    reader = String(JSON.parse((await run(process.execPath, [MAIN, ...args])).stdout).key);
    client = await connectClient({ nats: suite().nats.url, data: folder, prefix: "ready" }, "readiness test");
  });

  afterAll(async () => {
    await client?.close();
    await Promise.all(running.map((node) => node.kill()));
    await rm(folder, { recursive: true, force: true });
  });

  test(
    "a node that finds a long log is not ready until it has caught up",
    async () => {
      const first = await up("first");
      await expect.poll(first.codes, PATIENCE).toBe("");
      for (let at = 0; at < EVENTS; at += EVENTS_A_REQUEST) {
        const events = Array.from({ length: EVENTS_A_REQUEST }, (_, index) => {
          const n = at + index;
          return { id: `e${n}`, user: `u${n % 5_000}`, type: "view", ts: Date.now(), item: `i${n % 100}` };
        });
        await client.ask("ingest", { events });
      }
      await first.stop();

      const second = await up("second");
      const told = new Set<string>();
      let lag = Number.POSITIVE_INFINITY;
      for (;;) {
        const { ready, reasons } = await second.readiness();
        if (ready) break;
        for (const { message } of reasons) told.add(message);
        lag = ((await client.ask("status", {})) as StatusReply).lag;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect([...told].join()).toContain("shard-0");
      expect(((await client.ask("status", {})) as StatusReply).lag).toBeLessThanOrEqual(500);
      expect(lag).toBeLessThan(EVENTS);
      expect(((await client.ask("status", {})) as StatusReply).readiness.ready).toBe(true);
      await second.stop();
    },
    LONG_MS,
  );

  test("one that is told to stop says so first, answers until others had time to see it, then ends", async () => {
    const node = await up("third", "--drain", "2");
    await expect.poll(node.codes, PATIENCE).toBe("");
    expect(await node.score()).toEqual([200, "keep-alive"]);
    const askedMs = performance.now();
    process.kill(node.pid, "SIGTERM");
    await expect.poll(node.codes, { timeout: 1_500, interval: 10 }).toBe("STOPPING");
    expect(await node.score()).toEqual([200, "close"]);
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
    expect(await node.exited).toBe(0);
    expect(performance.now() - askedMs).toBeGreaterThan(2_000);
    await expect(fetch(`${node.url}/readyz`)).rejects.toThrow();
  });

  test("one that is told twice ends at once", async () => {
    const node = await up("fourth", "--drain", "600");
    process.kill(node.pid, "SIGTERM");
    await expect.poll(node.codes, { timeout: 5_000, interval: 10 }).toContain("STOPPING");
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // A second signal within a second is the first one's echo.
    process.kill(node.pid, "SIGTERM");
    expect(await node.exited).toBe(143);
  });

  test("one that loses NATS is not ready, lives on, and is ready again when NATS is back", async () => {
    const node = await up("fifth");
    await expect.poll(node.codes, PATIENCE).toBe("");
    await suite().nats.restart(async () => {
      await expect.poll(node.codes, PATIENCE).toContain("NATS_LOST");
      await expect.poll(node.codes, PATIENCE).toContain("NOT_IN_CLUSTER");
      expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
    });
    await expect.poll(node.codes, PATIENCE).toBe("");
    expect((await node.score())[0]).toBe(200);
  });
});
