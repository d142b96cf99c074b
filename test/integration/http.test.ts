import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../src/cli/auth/certificates.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);

await describeWithNats("a node with HTTP", (suite) => {
  let data: string;
  let node: NodeProcess;
  let url: string;
  let keys: Readonly<{ producer: string; reader: string }>;
  const said: string[] = [];

  const key = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [MAIN, "auth", "key", ...args, "--data", data, "--json"]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const post = async (path: string, body: unknown, shown: string) => {
    const headers = { authorization: `Bearer ${shown}`, "content-type": "application/json" };
    const reply = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: reply.status, value: (await reply.json()) as Record<string, unknown> };
  };

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "resonance-http-"));
    const maps = join(data, "maps.json");
    await writeFile(maps, JSON.stringify({ maps: [{ name: "life", segments: ["new", "loyal"] }] }));
    const producer = await key("new", "--role", "producer", "--name", "shop", "--rate", "1/61");
    const reader = await key("new", "--role", "reader", "--name", "app");
    keys = { producer: String(producer["key"]), reader: String(reader["key"]) };
    const options = [
      "--data",
      data,
      "--nats",
      suite().nats.url,
      "--shards",
      "2",
      "--segments",
      maps,
      "--no-refit",
    ];
    node = await startNodeProcess([...options, "--http", "127.0.0.1:0"], { said: (line) => said.push(line) });
    url = String((node.ready["http"] as Record<string, unknown>)["url"]);
  });

  afterAll(async () => {
    await node?.stop();
    await rm(data, { recursive: true, force: true });
  });

  test("an event that comes over HTTP is scored over HTTP, once the log has it", async () => {
    const event = { id: "e1", user: "ada", type: "view", ts: Date.now(), item: "sku-1" };
    const sent = await post("/v1/ingest", event, keys.producer);
    expect(sent).toMatchObject({ status: 200, value: { accepted: 1, refused: [] } });
    const [position] = sent.value["positions"] as unknown[];
    const scored = await post("/v1/score", { user: "ada", atLeast: position }, keys.reader);
    expect(scored).toMatchObject({ status: 200, value: { user: "ada", known: true, map: "life" } });
  });

  test("a key's rate holds in the running node, with a time to come again", async () => {
    const events = Array.from({ length: 60 }, (_, i) => ({
      id: `r${i}`,
      user: "bob",
      type: "view",
      ts: Date.now(),
    }));
    await post("/v1/ingest", { events }, keys.producer);
    const refused = await post("/v1/ingest", { events }, keys.producer);
    expect(refused).toMatchObject({ status: 429, value: { code: "RATE_LIMITED", retryable: true } });
  });

  test("keys are in no file and no line of the node, and one that is taken back stops working", async () => {
    const file = await readFile(join(data, "http-keys.json"), "utf8");
    for (const shown of [keys.producer, keys.reader]) {
      expect(file).not.toContain(shown);
      expect(said.join("\n")).not.toContain(shown);
    }
    await key("revoke", "--name", "app");
    const status = async () => (await post("/v1/score", { user: "ada" }, keys.reader)).status;
    await expect.poll(status, { timeout: 15_000, interval: 200 }).toBe(401);
    expect(await key("list")).toMatchObject({ keys: [{ name: "shop", role: "producer" }] });
  });

  test("with certificates intake and console speak HTTPS, and say so; without them, off this machine, that they do not", async () => {
    const [certFile, keyFile, other] = ["server.pem", "server.key", "other.key"].map((name) =>
      join(data, name),
    );
    const { authority, server } = await makeCertificates(["127.0.0.1"], 30);
    await writeFile(String(certFile), server.certificate);
    await writeFile(String(keyFile), server.key);
    await writeFile(String(other), (await makeCertificates(["127.0.0.1"], 30)).server.key);
    const secure = await mkdtemp(join(tmpdir(), "resonance-https-"));
    const options = [
      ...["--data", secure, "--nats", suite().nats.url, "--shards", "2", "--prefix", "secure", "--no-refit"],
      ...["--http-keys", join(data, "http-keys.json"), "--http", "127.0.0.1:0", "--admin", "0.0.0.0:0"],
      ...["--http-tls-cert", String(certFile)],
    ];
    const start = (key: string, lines: string[] = []) =>
      startNodeProcess([...options, "--http-tls-key", key], { said: (line) => lines.push(line) });
    await expect(start(String(other))).rejects.toThrow("BAD_TLS_FILES");
    await expect(start(join(data, "none.key"))).rejects.toThrow("TLS_FILES_UNREADABLE");
    await expect(startNodeProcess(options)).rejects.toThrow("--http-tls-key");
    const lines: string[] = [];
    const tls = await start(String(keyFile), lines);
    try {
      const { http, admin } = tls.ready as Record<string, Record<string, string>>;
      expect(http?.["url"]).toMatch(/^https:/);
      expect(admin?.["url"]).toMatch(/^http:/);
      const asked = get(`${http?.["url"]}/readyz`, { ca: authority.certificate, agent: false });
      const [reply] = (await once(asked, "response")) as [IncomingMessage];
      reply.resume();
      expect(reply.statusCode).toBe(200);
      const warnings = lines.filter((line) => line.includes("without TLS"));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain("--admin listens on 0.0.0.0");
      expect(lines.join()).not.toContain("PRIVATE KEY");
    } finally {
      await tls.stop();
      await rm(secure, { recursive: true, force: true });
    }
  }, 60_000);

  test("with no key at all HTTP is not served, and the node says how to make one", async () => {
    const empty = await mkdtemp(join(tmpdir(), "resonance-nokeys-"));
    const options = [
      "--data",
      empty,
      "--nats",
      suite().nats.url,
      "--shards",
      "2",
      "--prefix",
      "nokeys",
      "--http",
      "0",
    ];
    await expect(startNodeProcess(options)).rejects.toThrow(/NO_HTTP_KEYS|auth key new/);
    await rm(empty, { recursive: true, force: true });
  });
});
