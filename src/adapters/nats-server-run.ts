import { type ChildProcess, spawn } from "node:child_process";
import { unwatchFile, watchFile } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { newId } from "./entropy.ts";
import { freePort } from "./free-port.ts";
import { natsAbilities } from "./nats-abilities.ts";
import {
  type RunRecord,
  readRecord,
  type ServerFiles,
  serverFiles,
  survivorOf,
  thisOwner,
  writeRecord,
  writeServerFiles,
} from "./nats-server-files.ts";
import type { NatsServerBinary } from "./nats-server-find.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

/** How a server ended; `asked` if by {@link NatsServerProcess.stop}. */
export type NatsServerExit = Readonly<{ asked: boolean; reason: string }>;

/** A server that runs on a folder. */
export type NatsServerProcess = Readonly<{
  url: string;
  port: number;
  pid: number;
  version: string;
  logFile: string;
  /** True if it outlived an earlier engine on this folder and was taken over. */
  adopted: boolean;
  exited: Promise<NatsServerExit>;
  /** Asks it to end, kills it if it does not, and resolves once it has ended. */
  stop(): Promise<void>;
}>;

/** How to run a server; see `StartOptions` for the words. */
export type RunOptions = Readonly<{
  storeDir: string;
  sync: "interval" | "always";
  report: Report;
  port?: number;
  maxStoreBytes?: number;
  auth?: string;
}>;

/** A store of many streams is read before the server listens. */
const READY_TIMEOUT_MS = 120_000;
const READY_RETRY_MS = 20;
const GREETING_TIMEOUT_MS = 2_000;
const STOP_TIMEOUT_MS = 10_000;
const WATCH_EVERY_MS = 100;
/** How often it is looked whether users, permissions or TLS have changed. */
const RELOAD_CHECK_MS = 500;

/**
 * Runs a server on a folder, or takes over the one that already runs there for an engine that has ended.
 *
 * @throws EngineError `NATS_SYNC_UNSUPPORTED`, `NATS_STORE_IN_USE` or `NATS_SERVER_FAILED`.
 */
export async function runNatsServer(
  binary: NatsServerBinary,
  options: RunOptions,
): Promise<NatsServerProcess> {
  if (options.sync === "always" && !natsAbilities({ version: binary.version, max_payload: 0 }).syncAlways) {
    throw syncUnsupported(binary);
  }
  const files = serverFiles(options.storeDir);
  await mkdir(files.dir, { recursive: true });
  const previous = await readRecord(files);
  const survivor = await survivorOf(files);
  if (survivor !== undefined) {
    if (previous !== undefined) {
      if (await isRunning(previous.owner)) throw storeInUse(files, previous, survivor);
      if (await isWanted(previous, binary, options)) return adopt(files, previous, survivor, options);
    }
    options.report(
      `nats-server: ending process ${survivor.pid}, which an earlier run left with other settings`,
      { event: "nats-server.ended-old", level: "warn" },
    );
    await endProcess(survivor);
  }
  return start(binary, files, options, options.port ?? (await freePort(previous?.port)));
}

/** Whether a server that was left running is the one that would be started now, and still answers. */
async function isWanted(
  previous: RunRecord,
  binary: NatsServerBinary,
  options: RunOptions,
): Promise<boolean> {
  const isSame = previous.sync === options.sync && previous.version === binary.version;
  const isAuth = previous.auth === (options.auth === undefined ? undefined : resolve(options.auth));
  const isPort = options.port === undefined || options.port === previous.port;
  return isSame && isAuth && isPort && (await greets(previous));
}

async function start(
  binary: NatsServerBinary,
  files: ServerFiles,
  options: RunOptions,
  port: number,
): Promise<NatsServerProcess> {
  const record: RunRecord = {
    name: `resonance-${newId()}`,
    port,
    sync: options.sync,
    version: binary.version,
    owner: await thisOwner(),
    ...(options.auth === undefined ? {} : { auth: resolve(options.auth) }),
  };
  await writeServerFiles(files, record, options.maxStoreBytes);
  const log = await open(files.log, "a"); // What the server says before it has read its configuration.
  // In a process group of its own: Ctrl-C goes to the whole group, and the engine must drain before its log ends.
  const child = spawn(binary.path, ["-c", files.config], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  const ended = exitOf(child);
  await log.close();
  await untilReady(record, files, ended);
  child.unref();
  return running(files, record, { pid: child.pid ?? 0, ended, adopted: false });
}

async function adopt(
  files: ServerFiles,
  previous: RunRecord,
  survivor: ProcessIdentity,
  options: RunOptions,
): Promise<NatsServerProcess> {
  options.report(`nats-server: taking over process ${survivor.pid}, which outlived an earlier run`, {
    event: "nats-server.adopted",
  });
  const record = { ...previous, owner: await thisOwner() };
  await writeRecord(files, record);
  if (record.auth !== undefined) signal(survivor.pid, "SIGHUP"); // Users may have changed while nobody looked.
  const ended = endOf(survivor).then(() => "it ended");
  return running(files, record, { pid: survivor.pid, ended, adopted: true });
}

function running(
  files: ServerFiles,
  record: RunRecord,
  server: Readonly<{ pid: number; ended: Promise<string>; adopted: boolean }>,
): NatsServerProcess {
  const { pid, ended, adopted } = server;
  let asked = false;
  const onExit = (): void => signal(pid, "SIGTERM"); // Whatever ends this process in order ends its server too.
  process.once("exit", onExit);
  const { auth } = record;
  const reload = (): void => signal(pid, "SIGHUP");
  if (auth !== undefined) watchFile(auth, { interval: RELOAD_CHECK_MS, persistent: false }, reload);
  const exited = ended.then((reason) => {
    if (auth !== undefined) unwatchFile(auth, reload);
    process.off("exit", onExit);
    return { asked, reason };
  });
  const stop = async (): Promise<void> => {
    asked = true;
    signal(pid, "SIGTERM");
    const patience = new AbortController();
    const late = sleep(STOP_TIMEOUT_MS, "late", { signal: patience.signal }).catch(() => "ended");
    if ((await Promise.race([exited, late])) === "late") signal(pid, "SIGKILL");
    await exited;
    patience.abort();
  };
  const { port, version } = record;
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid,
    version,
    logFile: files.log,
    adopted,
    exited,
    stop,
  };
}

async function untilReady(record: RunRecord, files: ServerFiles, ended: Promise<string>): Promise<void> {
  let reason: string | undefined;
  void ended.then((how) => {
    reason = how;
  });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (reason === undefined && performance.now() < deadline) {
    if (await Promise.race([greets(record), ended.then(() => false)])) return;
    await Promise.race([ended, sleep(READY_RETRY_MS)]);
  }
  const log = await readFile(files.log, "utf8").catch(() => "");
  const last = log.trim().split("\n").slice(-5).join("\n");
  throw new EngineError({
    code: "NATS_SERVER_FAILED",
    message: `nats-server did not start (${reason ?? `no answer in ${READY_TIMEOUT_MS} ms`}); its log ${files.log} ends with:\n${last}`,
    retryable: false,
    detail: { logFile: files.log },
  });
}

/** Whether the server of that name answers on its port: another program may have taken the port. */
async function greets(record: RunRecord): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: record.port });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    let greeting = "";
    socket.setTimeout(GREETING_TIMEOUT_MS, () => answer(false));
    socket.on("error", () => answer(false));
    socket.on("close", () => answer(false));
    socket.on("data", (bytes) => {
      greeting += bytes.toString("latin1");
      if (greeting.includes("\r\n"))
        answer(greeting.startsWith("INFO ") && greeting.includes(`"${record.name}"`));
    });
  });
}

async function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signalName) => resolve(signalName ?? `exit code ${code}`));
  });
}

/** Resolves once a process that is not our child has ended; only looking can tell. */
async function endOf(identity: ProcessIdentity): Promise<void> {
  while (await isRunning(identity)) {
    await sleep(WATCH_EVERY_MS, undefined, { ref: false });
  }
}

async function endProcess(identity: ProcessIdentity): Promise<void> {
  signal(identity.pid, "SIGTERM");
  const late = sleep(STOP_TIMEOUT_MS, "late", { ref: false });
  if ((await Promise.race([endOf(identity), late])) === "late") signal(identity.pid, "SIGKILL");
  await endOf(identity);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already, which is what was wanted.
  }
}

function syncUnsupported(binary: NatsServerBinary): EngineError {
  return new EngineError({
    code: "NATS_SYNC_UNSUPPORTED",
    message: `nats-server ${binary.version} (${binary.path}) can't sync each write: use 2.10.23 or newer, or sync "interval"`,
    retryable: false,
    detail: { version: binary.version, path: binary.path },
  });
}

function storeInUse(files: ServerFiles, record: RunRecord, server: ProcessIdentity): EngineError {
  return new EngineError({
    code: "NATS_STORE_IN_USE",
    message: `process ${record.owner.pid} runs a nats-server (process ${server.pid}) on ${files.dir}: stop it, or use another folder`,
    retryable: false,
    detail: { folder: files.dir, owner: record.owner.pid, server: server.pid },
  });
}
