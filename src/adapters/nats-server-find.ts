import { execFile } from "node:child_process";
import { access, constants, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { isAtLeast } from "./nats-abilities.ts";

/** A `nats-server` that was run once to learn its version. */
export type NatsServerBinary = Readonly<{
  path: string;
  /** As in `2.9.10`. */
  version: string;
  source: "env" | "path" | "cache" | "release" | "package";
}>;

/** A way to get a server that was tried, and why it did not lead to one. */
export type FailedStep = Readonly<{ step: string; reason: string }>;

/** The oldest server that the engine is tested with. */
export const NATS_SERVER_FLOOR = "2.9.0";

const VERSION_TIMEOUT_MS = 10_000;
const run = promisify(execFile);

/**
 * Looks for a server where it costs nothing: the variable NATS_SERVER, PATH, the engine's cache.
 *
 * @param failed - Gets a line for each place that had none, or none that runs.
 */
export async function findNatsServer(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  return (await findNamed(env, failed)) ?? (await findOnPath(env, failed)) ?? (await findCached(env, failed));
}

/** The folder that fetched servers are kept in, one folder a version. */
export function natsServerCache(env: NodeJS.ProcessEnv): string {
  const cache = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  return join(cache, "resonance", "nats-server");
}

/**
 * The version that a binary tells.
 *
 * @throws Error if it does not run, is not a NATS server, or is older than {@link NATS_SERVER_FLOOR}.
 */
export async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ["--version"], { timeout: VERSION_TIMEOUT_MS });
  const version = /nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} --version did not name a NATS server`);
  if (!isAtLeast(version, NATS_SERVER_FLOOR)) {
    throw new Error(`${path} is version ${version}, older than ${NATS_SERVER_FLOOR}`);
  }
  return version;
}

/** The first line of what went wrong. */
export function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : "";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const said =
    typeof thrown === "object" && thrown !== null && "stderr" in thrown ? String(thrown.stderr) : "";
  return (said.trim().split("\n").at(-1) || (message.split("\n")[0] ?? "")) + cause;
}

async function findNamed(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  const path = env["NATS_SERVER"];
  if (path === undefined || path === "") {
    failed.push({ step: "variable NATS_SERVER", reason: "not set" });
    return undefined;
  }
  return tryBinary(path, "env", `variable NATS_SERVER (${path})`, failed);
}

async function findOnPath(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "nats-server");
    if (folder === "" || !(await isExecutable(path))) continue;
    const found = await tryBinary(path, "path", `PATH (${path})`, failed);
    if (found !== undefined) return found;
  }
  failed.push({ step: "PATH", reason: "no usable nats-server on it" });
  return undefined;
}

async function findCached(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  const cache = natsServerCache(env);
  const folders = await readdir(cache).catch(() => []); // No cache yet.
  const versions = folders.filter((name) => /^\d/.test(name)).sort((a, b) => (isAtLeast(a, b) ? -1 : 1));
  for (const version of versions) {
    const path = join(cache, version, "nats-server");
    const found = await tryBinary(path, "cache", `cache (${path})`, failed);
    if (found !== undefined) return found;
  }
  failed.push({ step: "cache", reason: `nothing usable in ${cache}` });
  return undefined;
}

async function tryBinary(
  path: string,
  source: NatsServerBinary["source"],
  step: string,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  try {
    return { path, version: await versionOf(path), source };
  } catch (thrown) {
    failed.push({ step, reason: reasonOf(thrown) });
    return undefined;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
