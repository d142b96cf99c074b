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

  test("without a key, on an address for others, answers what is for anybody and nothing else", async () => {
    const data = await mkdtemp(join(tmpdir(), "resonance-admin-"));
    onTestFinished(() => rm(data, { recursive: true, force: true }));
    const options = ["--data", data, "--nats", suite().nats.url, "--shards", "2", "--prefix", "second"];
    const node = await startNodeProcess([...options, "--admin", "0.0.0.0:0"]);
    onTestFinished(async () => void (await node.stop()));
    const { port } = new URL((node.ready["admin"] as { url: string }).url);
    const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect(await statusOf("/healthz")).toBe(200);
    expect(await statusOf("/console/v1/node")).toBe(401);
  });
});
