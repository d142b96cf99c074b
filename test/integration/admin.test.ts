import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { describeWithNats } from "../adapters/with-nats.ts";
import { startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);

await describeWithNats("a node with a console", (suite) => {
  test("is read by everybody on its machine, and acted on with an operator's key", async () => {
    const data = await mkdtemp(join(tmpdir(), "resonance-admin-"));
    onTestFinished(() => rm(data, { recursive: true, force: true }));
    const args = ["auth", "key", "new", "--role", "operator", "--name", "ops", "--data", data, "--json"];
    const { key } = JSON.parse((await run(process.execPath, [MAIN, ...args])).stdout) as { key: string };
    const options = ["--data", data, "--nats", suite().nats.url, "--shards", "2", "--name", "one"];
    const node = await startNodeProcess([...options, "--admin", "0"]);
    onTestFinished(async () => void (await node.stop()));
    const { url } = node.ready["admin"] as { url: string };
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const reply = await fetch(url + path, { headers });
      return [reply.status, await reply.json()];
    };
    expect(await get("/healthz")).toEqual([200, { ok: true }]);
    expect(await get("/console/v1/node")).toEqual([200, { name: "one" }]);
    expect(await get("/console/v1/operator")).toMatchObject([401, { code: "UNAUTHENTICATED" }]);
    const headers = { authorization: `Bearer ${key}` };
    expect(await get("/console/v1/operator", headers)).toEqual([200, { name: "ops" }]);
  });

  test("does not start on an address for others without a key that somebody could show", async () => {
    const data = await mkdtemp(join(tmpdir(), "resonance-admin-"));
    onTestFinished(() => rm(data, { recursive: true, force: true }));
    const options = ["--data", data, "--nats", suite().nats.url, "--shards", "2", "--prefix", "second"];
    const started = startNodeProcess([...options, "--admin", "0.0.0.0:0"]);
    await expect(started).rejects.toThrow("NO_HTTP_KEYS");
  });
});
