import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { natsServerBinary } from "../src/adapters/nats-server.ts";
import type { NatsServerBinary } from "../src/adapters/nats-server-find.ts";

/**
 * Servers that form a cluster with JetStream, on ports and folders of their own. Whatever ends this process, its
 * servers end with it and the folders are removed. `index` counts the servers from 0.
 */
export type TestNatsCluster = Readonly<{
  /** Client URL of each server; they stay the same over a restart. */
  urls: readonly string[];
  /** Name of each server, as it stands in what the servers tell of a stream's leader and replicas. */
  names: readonly string[];
  version: string;
  /** Ends a server with SIGKILL, paused or not. Resolves once it has ended. */
  kill(index: number): Promise<void>;
  /** Stops a server with SIGSTOP: its connections stay open and nothing answers, as if its machine hung. */
  pause(index: number): void;
  /** Lets a paused server go on. */
  resume(index: number): void;
  /** Starts a server again on its store: one that was killed, or else one that is ended in order first. */
  restart(index: number): Promise<void>;
  /** Resolves once every server that runs is part of the cluster and has all it should have. */
  untilHealthy(): Promise<void>;
  /** Ends all servers and removes their folders. */
  stop(): Promise<void>;
}>;

type Ports = Readonly<{ client: number; route: number; monitor: number }>;
type Running = Readonly<{ child: ChildProcess; ended: Promise<void> }>;
type Member = {
  readonly name: string;
  readonly dir: string;
  readonly ports: Ports;
  running: Running | undefined;
  /** How it ended last. */
  end: string;
};

const READY_TIMEOUT_MS = 60_000;
const READY_RETRY_MS = 50;
const ASK_TIMEOUT_MS = 2_000;
const STOP_TIMEOUT_MS = 10_000;
const STARTS_MAX = 3;
/**
 * Ports below those that systems give to outgoing connections (32768 and up on Linux, 49152 and up elsewhere): a
 * client that tries to reconnect could otherwise take the port of the server that it looks for.
 */
const PORTS = { first: 20_000, count: 12_000 };
/**
 * Waits for the end of its input, which comes however its parent ends; then it kills the processes that the last
 * line named and removes the folder.
 */
const GUARD = 'pids=; while read -r line; do pids=$line; done; [ -n "$pids" ] && kill -9 $pids; rm -rf "$1"';

/**
 * Starts a cluster and waits until it has elected its leader.
 *
 * @param binary - Found or fetched unless given.
 * @param size - Servers of the cluster.
 */
export async function startNatsCluster(binary?: NatsServerBinary, size = 3): Promise<TestNatsCluster> {
  const chosen = binary ?? (await natsServerBinary({ env: process.env, report: () => undefined }));
  for (let starts = 1; ; starts++) {
    const cluster = new Cluster(chosen, await mkdtemp(join(tmpdir(), "resonance-cluster-")));
    try {
      await cluster.start(size);
      return cluster;
    } catch (thrown) {
      await cluster.stop();
      if (starts === STARTS_MAX) throw thrown; // Else another program may have taken a port meanwhile.
    }
  }
}

class Cluster implements TestNatsCluster {
  readonly version: string;
  urls: readonly string[] = [];
  names: readonly string[] = [];
  readonly #binary: NatsServerBinary;
  readonly #dir: string;
  readonly #guard: ChildProcess;
  #members: readonly Member[] = [];

  constructor(binary: NatsServerBinary, dir: string) {
    this.#binary = binary;
    this.version = binary.version;
    this.#dir = dir;
    // In a session of its own, so that Ctrl-C does not end it before it has done its work.
    this.#guard = spawn("sh", ["-c", GUARD, "guard", dir], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#guard.unref();
  }

  async start(size: number): Promise<void> {
    const ports = await freePorts(3 * size);
    this.#members = Array.from({ length: size }, (_, index) => ({
      name: `server-${index}`,
      dir: join(this.#dir, `server-${index}`),
      ports: {
        client: ports[3 * index] ?? 0,
        route: ports[3 * index + 1] ?? 0,
        monitor: ports[3 * index + 2] ?? 0,
      },
      running: undefined,
      end: "",
    }));
    this.urls = this.#members.map((member) => `nats://127.0.0.1:${member.ports.client}`);
    this.names = this.#members.map((member) => member.name);
    for (const member of this.#members) await this.#run(member);
    await this.untilHealthy();
  }

  async kill(index: number): Promise<void> {
    const { running } = this.#member(index);
    running?.child.ref(); // What is waited for keeps this process going.
    running?.child.kill("SIGKILL");
    await running?.ended;
  }

  pause(index: number): void {
    this.#member(index).running?.child.kill("SIGSTOP");
  }

  resume(index: number): void {
    this.#member(index).running?.child.kill("SIGCONT");
  }

  async restart(index: number): Promise<void> {
    const member = this.#member(index);
    await end(member);
    await this.#run(member);
    await this.untilHealthy();
  }

  async untilHealthy(): Promise<void> {
    const deadlineMs = performance.now() + READY_TIMEOUT_MS;
    const running = this.#members.filter((member) => member.running !== undefined);
    for (const member of running) {
      while (!(await isHealthy(member, this.#members.length))) {
        if (member.running === undefined)
          throw new Error(await lastWords(member, `has ended (${member.end})`));
        if (performance.now() > deadlineMs) throw new Error(await lastWords(member, "is not ready"));
        await sleep(READY_RETRY_MS);
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(end));
    this.#tellGuard();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#guard.exitCode !== null) resolve();
    this.#guard.once("exit", () => resolve());
    this.#guard.ref();
    this.#guard.stdin?.end();
    await promise;
  }

  async #run(member: Member): Promise<void> {
    await mkdir(member.dir, { recursive: true });
    const config = join(member.dir, "nats-server.conf");
    await writeFile(config, configurationOf(member, this.#members));
    const log = await open(logOf(member), "a"); // What the server says before it has read its configuration.
    const child = spawn(this.#binary.path, ["-c", config], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    }).then((how) => {
      member.end = how;
      member.running = undefined;
      this.#tellGuard();
    });
    await log.close();
    child.unref();
    member.running = { child, ended };
    this.#tellGuard();
  }

  /** Whom to kill if this process should end now. */
  #tellGuard(): void {
    const pids = this.#members.flatMap(({ running }) => running?.child.pid ?? []);
    this.#guard.stdin?.write(`${pids.join(" ")}\n`);
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member === undefined) throw new Error(`there is no server ${index}`);
    return member;
  }
}

function configurationOf(member: Member, members: readonly Member[]): string {
  const others = members.filter((other) => other !== member);
  return [
    "host: 127.0.0.1",
    `port: ${member.ports.client}`,
    `http: "127.0.0.1:${member.ports.monitor}"`,
    `server_name: ${member.name}`,
    `log_file: ${JSON.stringify(logOf(member))}`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(member.dir)}`,
    "}",
    "cluster {",
    "  name: test",
    // Clients keep to the URLs that they were given: a wire to a server that a test cuts must not be got around.
    "  no_advertise: true",
    `  listen: "127.0.0.1:${member.ports.route}"`,
    `  routes: [${others.map(({ ports }) => `"nats://127.0.0.1:${ports.route}"`).join(", ")}]`,
    "}",
    "",
  ].join("\n");
}

function logOf(member: Member): string {
  return join(member.dir, "nats-server.log");
}

/** Whether a server knows the cluster's leader and all its members, and has caught up with its streams. */
async function isHealthy(member: Member, size: number): Promise<boolean> {
  const jetstream = (await ask(member, "jsz")) as {
    meta_cluster?: { leader?: string; cluster_size?: number };
  };
  const cluster = jetstream.meta_cluster;
  if (cluster?.leader === undefined || cluster.leader === "" || cluster.cluster_size !== size) return false;
  return ((await ask(member, "healthz")) as { status?: string }).status === "ok";
}

/** What the server's monitoring answers; an empty object if it does not. */
async function ask(member: Member, what: string): Promise<object> {
  try {
    const url = `http://127.0.0.1:${member.ports.monitor}/${what}`;
    return (await (await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) })).json()) as object;
  } catch {
    return {};
  }
}

async function end(member: Member): Promise<void> {
  const { running } = member;
  if (running === undefined) return;
  running.child.ref();
  running.child.kill("SIGCONT"); // A paused server would not hear that it is to end.
  running.child.kill("SIGTERM");
  const late = setTimeout(() => running.child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await running.ended;
  clearTimeout(late);
}

async function lastWords(member: Member, what: string): Promise<string> {
  const log = await readFile(logOf(member), "utf8").catch(() => "");
  return `${member.name} ${what}; its log ends with:\n${log.trim().split("\n").slice(-5).join("\n")}`;
}

/** Ports that nothing listens on, all different. */
async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}
