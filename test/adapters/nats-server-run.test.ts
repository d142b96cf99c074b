import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { natsAbilities } from "../../src/adapters/nats-abilities.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { type NatsServerProcess, runNatsServer } from "../../src/adapters/nats-server-run.ts";
import { identifyProcess } from "../../src/adapters/process-identity.ts";
import { messages } from "./log-messages.ts";
import { natsUnderTest } from "./nats-binaries.ts";

for (const server of await natsUnderTest()) {
  if ("skipped" in server) {
    test.skip(`running ${server.title}: not tested, for ${server.skipped}`, () => undefined);
    continue;
  }
  describe(`running ${server.title}`, () => runContract(server.binary));
}

function runContract(binary: NatsServerBinary): void {
  const lines: string[] = [];
  let storeDir: string;
  let started: NatsServerProcess[];
  const run = async (sync: "interval" | "always" = "interval", port?: number): Promise<NatsServerProcess> => {
    const report = (line: string): void => void lines.push(line);
    const server = await runNatsServer(binary, {
      storeDir,
      sync,
      report,
      ...(port === undefined ? {} : { port }),
    });
    started.push(server);
    return server;
  };
  beforeEach(async () => {
    storeDir = await mkdtemp(join(tmpdir(), "resonance-run-"));
    started = [];
    lines.length = 0;
  });
  afterEach(async () => {
    for (const server of started) await server.stop();
    await rm(storeDir, { recursive: true, force: true });
  });

  test("a started server answers on its URL, and is gone once stopped", async () => {
    const server = await run();
    expect(server).toMatchObject({ version: binary.version, adopted: false });
    await count(server, 0);
    await server.stop();
    expect(await server.exited).toMatchObject({ asked: true });
    expect(await identifyProcess(server.pid)).toBeUndefined();
  });

  test("a server that is stopped and started keeps its port and its streams", async () => {
    const first = await run();
    await fill(first, 300);
    await first.stop();
    const second = await run();
    expect(second.port).toBe(first.port);
    expect(await count(second, 300)).toBe(300);
  });

  test("a server that was killed is told as an exit nobody asked for, and its store starts again", async () => {
    const first = await run();
    await fill(first, 300);
    process.kill(first.pid, "SIGKILL");
    expect(await first.exited).toEqual({ asked: false, reason: "SIGKILL" });
    const second = await run();
    expect(second.adopted).toBe(false);
    expect(await count(second, 300)).toBe(300);
  });

  test("a server whose engine was killed is taken over as it runs, and can be stopped", async () => {
    const { pid, url, engine } = await engineOn(storeDir, binary);
    engine.kill("SIGKILL");
    await once(engine, "exit");
    const server = await run();
    expect(server).toMatchObject({ adopted: true, pid, url });
    expect(lines.join()).toContain(`taking over process ${pid}`);
    expect(await count(server, 10)).toBe(10);
    await server.stop();
    expect(await server.exited).toMatchObject({ asked: true });
    expect(await identifyProcess(pid)).toBeUndefined();
  });

  test("a server whose engine was killed is replaced if another port is wanted", async () => {
    const { pid, url, engine } = await engineOn(storeDir, binary);
    engine.kill("SIGKILL");
    await once(engine, "exit");
    const server = await run("interval", await aFreePort());
    expect(server.adopted).toBe(false);
    expect(server.url).not.toBe(url);
    expect(await identifyProcess(pid)).toBeUndefined();
    expect(await count(server, 10)).toBe(10);
  });

  test("a server of whose start nothing readable is left is replaced, not joined by a second one", async () => {
    const { pid, engine } = await engineOn(storeDir, binary);
    engine.kill("SIGKILL");
    await once(engine, "exit");
    await writeFile(join(storeDir, "nats-server.json"), "{");
    const server = await run();
    expect(server.adopted).toBe(false);
    expect(await identifyProcess(pid)).toBeUndefined();
    expect(await count(server, 10)).toBe(10);
  });

  test("an engine that ends in order takes its server along", async () => {
    const { pid, engine } = await engineOn(storeDir, binary);
    engine.stdin?.end();
    await once(engine, "exit");
    while ((await identifyProcess(pid)) !== undefined) await setImmediate();
  });

  test("a folder that a living engine uses is refused", async () => {
    const first = await run();
    await expect(run()).rejects.toMatchObject({ code: "NATS_STORE_IN_USE", detail: { server: first.pid } });
    expect(await count(first, 0)).toBe(0);
  });

  test("a server that does not start is told with the end of its log", async () => {
    const occupied = createServer().listen(0, "127.0.0.1");
    await once(occupied, "listening");
    const { port } = occupied.address() as AddressInfo;
    const failure = {
      code: "NATS_SERVER_FAILED",
      message: expect.stringContaining("address already in use"),
    };
    await expect(run("interval", port)).rejects.toMatchObject(failure);
    occupied.close();
  });

  test("every write is synced if asked for, where the server can; else it is refused", async () => {
    if (!natsAbilities({ version: binary.version, max_payload: 0 }).syncAlways) {
      await expect(run("always")).rejects.toMatchObject({ code: "NATS_SYNC_UNSUPPORTED", retryable: false });
      return;
    }
    const server = await run("always");
    expect(await readFile(join(storeDir, "nats-server.conf"), "utf8")).toContain("sync_interval: always");
    await fill(server, 10);
  });
}

async function fill(server: NatsServerProcess, count: number): Promise<void> {
  const nc = await connectNats({ servers: [server.url], name: "fill" });
  const log = await NatsLog.over(nc);
  await log.ensure("KEPT");
  await log.append("KEPT", messages(count));
  await nc.close();
}

async function count(server: NatsServerProcess, expected: number): Promise<number> {
  const nc = await connectNats({ servers: [server.url], name: "count" });
  const log = await NatsLog.over(nc);
  if (expected === 0) await log.ensure("KEPT");
  const { last } = await log.bounds("KEPT");
  await nc.close();
  return last;
}

/** Another process that starts a server on a folder, stores ten messages, and runs until its input ends. */
async function engineOn(
  storeDir: string,
  binary: NatsServerBinary,
): Promise<{ pid: number; url: string; engine: ChildProcess }> {
  const script = fileURLToPath(new URL("./nats-engine.ts", import.meta.url));
  const engine = spawn(process.execPath, [script, storeDir, JSON.stringify(binary)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: engine.stdout })) {
    return { ...(JSON.parse(line) as { pid: number; url: string }), engine };
  }
  throw new Error("the engine ended before its server ran");
}

async function aFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
