import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type NodeProcess, startNodeProcess } from "../integration/node-process.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { type ProxyMode, startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** What a node of a chaos run is made of. */
export type ChaosNodeOptions = Readonly<{
  name: string;
  /** Its data folder. */
  folder: string;
  servers: readonly string[];
  /** Whether it reaches the servers through wires of its own, which can be cut. */
  isWired: boolean;
  /** Options of `up` beside name, folder and servers. */
  options: readonly string[];
  guard: ProcessGuard;
  report(line: string): void;
}>;

/** A pause as a service manager makes it before it starts again what ended by itself. */
const RESTART_MS = 500;
const INSPECTOR_PATIENCE_MS = 5_000;
const STOP_PATIENCE_MS = 60_000;
const INSPECTOR_SAYS = /Debugger listening on (ws:\/\/\S+)/;
/** Lines of a node's standard error that are kept, to tell why it ended. */
const SAID_MAX = 40;

/** A node in a process of its own behind wires that can be cut; what ends unasked is started again, and told. */
export class ChaosNode {
  readonly name: string;
  readonly folder: string;
  /** How the process ended when nobody had asked it to, and its last words. */
  readonly crashes: string[] = [];
  readonly #given: ChaosNodeOptions;
  readonly #wires: readonly TcpProxy[];
  #running: NodeProcess | undefined;
  #pid = 0;
  #isWanted = false;
  #inspector = "";
  #said: string[] = [];

  private constructor(given: ChaosNodeOptions, wires: readonly TcpProxy[]) {
    this.name = given.name;
    this.folder = given.folder;
    this.#given = given;
    this.#wires = wires;
  }

  /** Makes the wires; {@link ChaosNode.start} starts the process. */
  static async make(given: ChaosNodeOptions): Promise<ChaosNode> {
    const ports = given.isWired ? given.servers.map((url) => Number(new URL(url).port)) : [];
    const wires = await Promise.all(ports.map(startTcpProxy));
    return new ChaosNode(given, wires);
  }

  get isReady(): boolean {
    return this.#running !== undefined;
  }

  /** Starts the process, again and again until it is ready or {@link ChaosNode.kill} is called. */
  async start(): Promise<void> {
    this.#isWanted = true;
    const { name, folder, options, report } = this.#given;
    const wired = this.#wires.map((wire) => `nats://127.0.0.1:${wire.port}`);
    const urls = (this.#given.isWired ? wired : this.#given.servers).join(",");
    while (this.#isWanted) {
      this.#said = [];
      this.#inspector = "";
      await mkdir(folder, { recursive: true });
      try {
        const started = await startNodeProcess(
          ["--nats", urls, "--data", folder, "--name", name, ...options],
          {
            runtime: ["--inspect-port=127.0.0.1:0"],
            started: (pid) => this.#began(pid),
            said: (line) => this.#heard(line),
          },
        );
        if (!this.#isWanted) return;
        this.#running = started;
        void started.exited.then((how) => this.#ended(started, how));
        return;
      } catch (thrown) {
        if (!this.#isWanted) return;
        report(`${name} did not start: ${lastLines(thrown instanceof Error ? thrown.message : "")}`);
        await sleep(RESTART_MS);
      } finally {
        if (this.#running === undefined) this.#given.guard.remove(this.#pid);
      }
    }
  }

  /** Ends the process as a power cut would. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) this.#signal("SIGKILL");
    else await running.kill();
    this.#given.guard.remove(this.#pid);
  }

  /** Removes everything that it has stored; it must not run. */
  async wipe(): Promise<void> {
    for (const entry of await readdir(this.folder))
      await rm(join(this.folder, entry), { recursive: true, force: true });
  }

  /** The whole process stands still: its connections stay, and nothing answers. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  /** Sets all wires to the servers. */
  cut(mode: ProxyMode): void {
    for (const wire of this.#wires) wire.set(mode);
  }

  /** Where the process's inspector listens. */
  async inspector(): Promise<string> {
    if (this.#inspector === "") this.#signal("SIGUSR1");
    const deadlineMs = performance.now() + INSPECTOR_PATIENCE_MS;
    while (this.#inspector === "" && performance.now() < deadlineMs) await sleep(10);
    return this.#inspector;
  }

  /** Ends it as an operator does. @returns The exit status; undefined if it did not run or had to be killed. */
  async stop(): Promise<number | null | undefined> {
    this.#isWanted = false;
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return undefined;
    const patience = new AbortController();
    const late = sleep(STOP_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
    const status = await Promise.race([running.stop(), late]);
    patience.abort();
    if (status === undefined) await running.kill();
    this.#given.guard.remove(this.#pid);
    return status;
  }

  /** Ends the process, however, and its wires. */
  async close(): Promise<void> {
    await this.kill();
    await Promise.all(this.#wires.map((wire) => wire.close()));
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === 0) return;
    try {
      process.kill(this.#pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  #began(pid: number): void {
    this.#pid = pid;
    this.#given.guard.add(pid);
  }

  #heard(line: string): void {
    const url = INSPECTOR_SAYS.exec(line)?.[1];
    if (url !== undefined) this.#inspector = url;
    if (/^Debugger|^For help, see/.test(line)) return;
    this.#said.push(line);
    if (this.#said.length > SAID_MAX) this.#said.shift();
    this.#given.report(`  ${this.name}: ${line}`);
  }

  #ended(ended: NodeProcess, how: number | string): void {
    this.#given.guard.remove(this.#pid);
    if (this.#running !== ended) return; // It was told to.
    this.#running = undefined;
    const crash = `${this.name} ended by itself with ${how}: ${lastLines(this.#said.join("\n"))}`;
    this.crashes.push(crash);
    this.#given.report(crash);
    void sleep(RESTART_MS).then(() => (this.#isWanted ? this.start() : undefined));
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join(" | ");
}
