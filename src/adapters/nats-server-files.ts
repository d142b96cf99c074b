import { readFile, rename, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";

/** Names of what lies beside a server's streams. */
export type ServerFiles = Readonly<{ dir: string; config: string; record: string; pid: string; log: string }>;

/** What is written beside the store before the server starts, so that a later engine recognises it. */
export type RunRecord = Readonly<{
  name: string;
  port: number;
  sync: string;
  version: string;
  owner: Readonly<{ pid: number; started: string }>;
  /** The file of users, permissions and TLS that its configuration includes. */
  auth?: string;
}>;

/** The files of a store; the server's own are in `jetstream` below it. */
export function serverFiles(storeDir: string): ServerFiles {
  const dir = resolve(storeDir);
  return {
    dir,
    config: join(dir, "nats-server.conf"),
    record: join(dir, "nats-server.json"),
    pid: join(dir, "nats-server.pid"),
    log: join(dir, "nats-server.log"),
  };
}

/** Writes what the server reads, and what a later engine reads about it. */
export async function writeServerFiles(
  files: ServerFiles,
  record: RunRecord,
  maxStoreBytes: number | undefined,
): Promise<void> {
  const configuration = [
    "# Written at each start: changes are lost.",
    "host: 127.0.0.1",
    `port: ${record.port}`,
    `server_name: ${JSON.stringify(record.name)}`,
    `pid_file: ${JSON.stringify(files.pid)}`,
    `log_file: ${JSON.stringify(files.log)}`,
    "logfile_size_limit: 16777216",
    "jetstream {",
    `  store_dir: ${JSON.stringify(files.dir)}`,
    ...(maxStoreBytes === undefined ? [] : [`  max_file_store: ${maxStoreBytes}`]),
    ...(record.sync === "always" ? ["  sync_interval: always"] : []),
    "}",
    // The server takes the place of what it includes to be below its own configuration's, also where it is absolute.
    ...(record.auth === undefined ? [] : [`include ${JSON.stringify(relative(files.dir, record.auth))}`]),
    "",
  ];
  await writeFile(files.config, configuration.join("\n"));
  await writeRecord(files, record);
}

/** Replaces the record in one step, so that a crash leaves the old one or the new one. */
export async function writeRecord(files: ServerFiles, record: RunRecord): Promise<void> {
  await writeFile(`${files.record}.new`, JSON.stringify(record));
  await rename(`${files.record}.new`, files.record);
}

/** This process as the owner of a server. */
export async function thisOwner(): Promise<RunRecord["owner"]> {
  const identity = await identifyProcess(process.pid);
  return { pid: process.pid, started: identity?.started ?? "" };
}

/** What the last start wrote; undefined before the first. */
export async function readRecord(files: ServerFiles): Promise<RunRecord | undefined> {
  try {
    return JSON.parse(await readFile(files.record, "utf8")) as RunRecord;
  } catch {
    return undefined;
  }
}

/** The server process of this folder, if one still runs. */
export async function survivorOf(files: ServerFiles): Promise<ProcessIdentity | undefined> {
  const pid = Number(await readFile(files.pid, "utf8").catch(() => "0"));
  const identity = await identifyProcess(pid);
  return identity?.command.includes("nats-server") && identity.command.includes(files.config)
    ? identity
    : undefined;
}
