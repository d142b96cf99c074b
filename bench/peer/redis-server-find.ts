import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { unpackDebianPackages } from "../../src/adapters/debian-packages.ts";
import { type FailedStep, reasonOf } from "../../src/adapters/nats-server-find.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";

/** A `redis-server` that was run once to learn its version. */
export type RedisServerBinary = Readonly<{
  path: string;
  /** As in `7.0.15`. */
  version: string;
  source: "path" | "cache" | "package";
  /** What it has to be run with, so that it finds the libraries that came with it. */
  env: NodeJS.ProcessEnv;
}>;

/** Where to look; tests look in folders of their own. */
export type RedisSearch = Readonly<{ env: NodeJS.ProcessEnv; report(line: string): void }>;

const COMMAND_TIMEOUT_MS = 20_000;
/** A library may need another one: so often we look again. */
const LIBRARY_PASSES = 3;
const run = promisify(execFile);

/**
 * Finds a Redis server, or fetches one: PATH, the cache, the distribution's packages (unpacked, not installed).
 *
 * @throws EngineError `REDIS_SERVER_UNAVAILABLE`, which names each way that was tried and why it failed, or
 *   `REDIS_CLIENT_UNAVAILABLE` where the npm package is not there.
 */
export async function redisServerBinary(search: RedisSearch): Promise<RedisServerBinary> {
  await requireClient();
  const failed: FailedStep[] = [];
  const found =
    (await findOnPath(search.env, failed)) ??
    (await findCached(search.env, failed)) ??
    (await fetchPackages(search, failed));
  if (found !== undefined) return found;
  throw new EngineError({
    code: "REDIS_SERVER_UNAVAILABLE",
    message: `no Redis server was found or could be fetched: ${failed.map(({ step, reason }) => `${step}: ${reason}`).join("; ")}`,
    retryable: false,
    detail: { tried: failed },
  });
}

/** The client is a development dependency: an installed package comes without it. */
async function requireClient(): Promise<void> {
  await import("@redis/client").catch((cause: unknown) => {
    const message = "the npm package @redis/client is not installed: it comes with a checkout";
    throw new EngineError({ code: "REDIS_CLIENT_UNAVAILABLE", message, retryable: false, cause });
  });
}

async function findOnPath(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<RedisServerBinary | undefined> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, "redis-server");
    const version = await versionOf(path, env).catch(() => undefined); // Not in this folder, or does not run.
    if (version !== undefined) return { path, version, source: "path", env };
  }
  failed.push({ step: "PATH", reason: "no usable redis-server on it" });
  return undefined;
}

async function findCached(
  env: NodeJS.ProcessEnv,
  failed: FailedStep[],
): Promise<RedisServerBinary | undefined> {
  const cache = cacheOf(env);
  const folders = await readdir(cache).catch(() => []); // No cache yet.
  for (const folder of folders
    .filter((name) => /^\d/.test(name))
    .toSorted()
    .toReversed()) {
    const found = await inFolder(join(cache, folder), env).catch(() => undefined); // Cut, or of another machine.
    if (found !== undefined) return { ...found, source: "cache" };
  }
  failed.push({ step: "cache", reason: `nothing usable in ${cache}` });
  return undefined;
}

/** Debian's `redis-server` is a link into `redis-tools`, whose libraries come along as far as they are missing here. */
async function fetchPackages(
  { env, report }: RedisSearch,
  failed: FailedStep[],
): Promise<RedisServerBinary | undefined> {
  const cache = cacheOf(env);
  let work: string | undefined;
  try {
    await mkdir(cache, { recursive: true });
    work = await mkdtemp(join(cache, ".fetch-"));
    const options = { work, env, report: (line: string) => report(`redis-server: ${line}`) };
    report("redis-server: asking apt for the distribution's packages");
    await unpackDebianPackages(["redis-server", "redis-tools"], options);
    const flat = join(work, "flat");
    await mkdir(flat);
    await collect(work, flat);
    for (let pass = 0; pass < LIBRARY_PASSES; pass++) {
      const missing = await missingLibraries(join(flat, "redis-server"), envOf(flat, env));
      if (missing.length === 0) break;
      await unpackDebianPackages(missing.map(packageOf), options);
      await collect(work, flat);
    }
    const { version } = await inFolder(flat, env);
    const place = join(cache, version);
    await rm(place, { recursive: true, force: true });
    await rename(flat, place); // In one step, so that no reader sees half of it.
    return { ...(await inFolder(place, env)), source: "package" };
  } catch (thrown) {
    failed.push({ step: "Debian packages", reason: reasonOf(thrown) });
    return undefined;
  } finally {
    if (work !== undefined) await rm(work, { recursive: true, force: true });
  }
}

function cacheOf(env: NodeJS.ProcessEnv): string {
  const cache = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  return join(cache, "resonance", "redis-server");
}

async function inFolder(folder: string, env: NodeJS.ProcessEnv): Promise<Omit<RedisServerBinary, "source">> {
  const path = join(folder, "redis-server");
  const own = envOf(folder, env);
  return { path, version: await versionOf(path, own), env: own };
}

function envOf(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, LD_LIBRARY_PATH: [folder, env["LD_LIBRARY_PATH"] ?? ""].join(":") };
}

async function versionOf(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await run(path, ["--version"], { timeout: COMMAND_TIMEOUT_MS, env });
  const version = /Redis server v=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} --version did not name a Redis server`);
  return version;
}

/** Copies the server and all libraries out of an unpacked tree, links followed, into one folder. */
async function collect(tree: string, flat: string): Promise<void> {
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    const isWanted = entry.name === "redis-server" || /\.so(\.|$)/.test(entry.name);
    if (!isWanted || entry.isDirectory() || entry.parentPath.startsWith(flat)) continue;
    const isProgram = entry.name === "redis-server" && entry.parentPath.endsWith("/bin");
    if (entry.name === "redis-server" && !isProgram) continue;
    await copyFile(join(entry.parentPath, entry.name), join(flat, entry.name));
    if (isProgram) await chmod(join(flat, entry.name), 0o755);
  }
}

async function missingLibraries(path: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const { stdout } = await run("ldd", [path], { timeout: COMMAND_TIMEOUT_MS, env });
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1] ?? "");
}

/** Debian names a library's package after it and its version: `libjemalloc.so.2` is in `libjemalloc2`. */
export function packageOf(library: string): string {
  const [name = "", version = ""] = library.split(".so.");
  return `${name}${/\d$/.test(name) ? "-" : ""}${version}`.toLowerCase();
}
