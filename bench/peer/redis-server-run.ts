import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../src/adapters/free-port.ts";
import type { RedisServerBinary } from "./redis-server-find.ts";

/** How often Redis puts its log of writes on disk: each second, or when the kernel likes. */
export type RedisDurability = "everysec" | "no";

/** A server of the bench's own. */
export type RedisServer = Readonly<{
  host: string;
  port: number;
  version: string;
  /** Ends it and removes all that it stored. */
  stop(): Promise<void>;
}>;

const HOST = "127.0.0.1";
const START_MS_MAX = 10_000;
const LOOK_MS = 20;

/** Starts a server on a free port with a folder of its own, tuned for this work. */
export async function runRedisServer(
  binary: RedisServerBinary,
  durability: RedisDurability,
): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), "resonance-redis-"));
  const port = await freePort(undefined);
  const settings = [
    ["--bind", HOST, "--port", String(port), "--dir", dir, "--daemonize", "no"],
    // The log of writes is what makes it durable; snapshots beside it would only cost.
    ["--save", "", "--appendonly", "yes", "--appendfsync", durability],
    // Rewriting that log forks and takes a core for seconds: between the rounds, when the bench asks for it.
    ["--auto-aof-rewrite-percentage", "0", "--no-appendfsync-on-rewrite", "yes"],
    // Larger nodes of a stream: fewer allocations an event, measured a little faster and smaller.
    ["--stream-node-max-bytes", "16384", "--stream-node-max-entries", "200"],
    ["--maxmemory-policy", "noeviction", "--loglevel", "warning"],
  ];
  const child = spawn(binary.path, settings.flat(), { env: binary.env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const exited = once(child, "exit");
  const abandon = (): void => {
    child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  process.once("exit", abandon); // Whatever ends the bench leaves nothing behind.
  const stop = async (): Promise<void> => {
    process.removeListener("exit", abandon);
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL"); // Nothing of it is kept.
    await exited;
    await rm(dir, { recursive: true, force: true });
  };
  for (let waitedMs = 0; !(await answers(port)); waitedMs += LOOK_MS) {
    if (child.exitCode !== null || waitedMs > START_MS_MAX) {
      await stop();
      throw new Error(`redis-server did not start: ${said.trim() || "it said nothing"}`);
    }
    await sleep(LOOK_MS);
  }
  return { host: HOST, port, version: binary.version, stop };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
