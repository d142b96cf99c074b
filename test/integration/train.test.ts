import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { type RunningNode, startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { TrainingResult } from "../../src/training-task.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const SHARDS = 2;
/** Far fewer than a busy visitor's events: only the log holds whole histories. */
const RING = 16;

const pause = (ms: number) => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms));

type Failed = { code: number; stdout: string; stderr: string };

vi.setConfig({ testTimeout: 120_000 }); // Commands are processes of their own, and some of them fit twice.

await describeWithNats("resonance train", (suite) => {
  let folder: string;
  let node: RunningNode;
  let client: Client;
  const shop = shopSimulator({ seed: 5, visitors: 400, startMs: Date.UTC(2026, 0, 5) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "resonance-train-"));
    const given = { nats: suite().nats.url, dataDir: join(folder, "node"), shards: SHARDS, ringEvents: RING };
    node = await startNode({ ...DEFAULT_NODE_OPTIONS, ...given, publishEveryMs: 100, refit: null }, () => {});
    client = await connectClient(
      { nats: suite().nats.url, data: folder, prefix: "resonance" },
      "training test",
    );
    await client.ask("segments.put", {
      maps: shop.definitions.maps.map(({ name, segments }) => ({
        name,
        segments: segments.map((one) => one.name),
      })),
    });
    for (let request = 0; request < 120; request++)
      await ingest(
        client,
        Array.from({ length: 100 }, () => toWire(shop.next())),
      );
    await untilFolded(client);
  });

  afterAll(async () => {
    await client.close();
    await node.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const command = async (...options: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [MAIN, "train", "--nats", suite().nats.url, "--json", ...options]);
  const untilServes = async (encoder: string): Promise<void> => {
    for (;;) {
      const reply = (await client.ask("score", { user: "visitor-1" })) as ScoreReply;
      if (reply.versions.encoder === encoder) return;
      await pause(50);
    }
  };

  test("reads whole histories from the log, shows how far it is, and leaves a folder", async () => {
    const out = join(folder, "release");
    const { stdout, stderr } = await command("--leaderboard", "--out", out);
    const result = JSON.parse(stdout);
    expect(result.read.shards).toEqual({ log: SHARDS, rings: 0 });
    expect(stderr).toMatch(/linear on all: fit/);
    await untilServes(result.encoder);

    const methods = result.leaderboards[0].rows.map(({ method }: { method: string }) => method);
    expect(methods).toEqual(["prior", "logistic-regression", "naive-bayes", "tf-idf-centroid", "linear"]);
    const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ version: result.encoder, kind: "linear", events: result.read.events });
    expect(JSON.parse(await readFile(join(out, "leaderboard.json"), "utf8"))).toEqual(result.leaderboards);

    const rings = JSON.parse((await command("--source", "rings")).stdout);
    expect(rings.read.shards).toEqual({ log: 0, rings: SHARDS });
    expect(rings.read.events).toBeLessThan(result.read.events);
    expect(rings.encoder).not.toBe(result.encoder);
    await untilServes(rings.encoder);
  });

  test("a folder's encoder is rolled out, and one that was trained for other segments is not", async () => {
    const out = join(folder, "release");
    const { encoder } = JSON.parse((await command("--from", out)).stdout);
    await untilServes(encoder);

    const path = join(out, "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    await writeFile(
      path,
      JSON.stringify({ ...manifest, maps: [{ name: "mood", segments: ["sad", "glad"] }] }),
    );
    const failed = await command("--from", out).then(
      () => undefined,
      (thrown: Failed) => thrown,
    );
    expect(JSON.parse(failed?.stdout ?? "{}")).toMatchObject({ error: { code: "RELEASE_MISMATCH" } });
  });

  test("where the log was trimmed, what the shards hold is read instead", async () => {
    const connection = await connectNats({ servers: [suite().nats.url], name: "training test" });
    const log = await NatsLog.over(connection);
    await log.trim(client.subjects.shardLog(1), 5, Number.MAX_SAFE_INTEGER);
    await connection.close();
    const { stdout, stderr } = await command();
    expect(JSON.parse(stdout).read.shards).toEqual({ log: 1, rings: 1 });
    expect(stderr).toContain("trimmed");
  });

  test("a client that goes away in the middle harms nothing", async () => {
    const options = ["train", "--nats", suite().nats.url, "--leaderboard"];
    const left = spawn(process.execPath, [MAIN, ...options], { stdio: ["ignore", "ignore", "pipe"] });
    await once(left.stderr, "data"); // The first line of progress.
    left.kill("SIGKILL");
    await expect(node.train()).rejects.toMatchObject({ code: "TRAINING_RUNS" });
    let result: TrainingResult | undefined;
    while (result === undefined) {
      result = await node.train().catch((thrown: { code: string }) => {
        if (thrown.code !== "TRAINING_RUNS") throw thrown;
        return pause(100);
      });
    }
    expect(result).toMatchObject({ kind: "fitted" });
  });
});
