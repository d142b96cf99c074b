import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { sha256Hex } from "../kernel/hash.ts";
import type { Report } from "../kernel/report.ts";
import { unpackDebianPackages } from "./debian-packages.ts";
import {
  type FailedStep,
  type NatsServerBinary,
  natsServerCache,
  reasonOf,
  versionOf,
} from "./nats-server-find.ts";

/** The release that is fetched where nothing is installed. */
export const NATS_SERVER_RELEASE = "2.12.7";

/** Where and how to fetch; tests put a server of their own in the release page's place. */
export type FetchOptions = Readonly<{
  env: NodeJS.ProcessEnv;
  report: Report;
  /** Base of the release page's downloads. */
  releases?: string;
}>;

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
/** Closed networks often swallow packets: give up soon, for the package manager may know a way. */
const FIRST_ANSWER_TIMEOUT_MS = 6_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
const COMMAND_TIMEOUT_MS = 120_000;
const run = promisify(execFile);

/**
 * Fetches a server into the engine's cache: the pinned release, else the distribution's package, unpacked without
 * root and without starting a service.
 *
 * @param failed - Gets a line for each way that did not work.
 */
export async function fetchNatsServer(
  options: FetchOptions,
  failed: FailedStep[],
): Promise<NatsServerBinary | undefined> {
  const cache = natsServerCache(options.env);
  const ways = [
    { step: `release v${NATS_SERVER_RELEASE}`, source: "release", unpack: unpackRelease },
    { step: "Debian package nats-server", source: "package", unpack: unpackDebianPackage },
  ] as const;
  for (const { step, source, unpack } of ways) {
    let work: string | undefined;
    try {
      await mkdir(cache, { recursive: true });
      work = await mkdtemp(join(cache, ".fetch-"));
      await unpack(work, options);
      return { ...(await install(work, cache)), source };
    } catch (thrown) {
      failed.push({ step, reason: reasonOf(thrown) });
      options.report(`nats-server: ${step}: ${reasonOf(thrown)}`, { ...FETCHING, level: "warn" });
    } finally {
      if (work !== undefined) await rm(work, { recursive: true, force: true });
    }
  }
  return undefined;
}

const FETCHING = { event: "nats-server.fetching" } as const;

/** Downloads the archive and checks it against the checksums that the same release publishes, over HTTPS. */
async function unpackRelease(work: string, options: FetchOptions): Promise<void> {
  const base = `${options.releases ?? RELEASES}/v${NATS_SERVER_RELEASE}`;
  const archive = `nats-server-v${NATS_SERVER_RELEASE}-${platformOf(process.platform, process.arch)}.tar.gz`;
  options.report(`nats-server: fetching ${base}/${archive}`, FETCHING);
  const sums = await (await get(`${base}/SHA256SUMS`, FIRST_ANSWER_TIMEOUT_MS)).text();
  const line = sums.split("\n").find((entry) => entry.trim().endsWith(archive));
  const expected = line?.trim().split(/\s+/)[0];
  if (expected === undefined) throw new Error(`the release's SHA256SUMS does not name ${archive}`);

  const path = join(work, "server.tar.gz");
  const body = (await get(`${base}/${archive}`, DOWNLOAD_TIMEOUT_MS)).body;
  if (body === null) throw new Error(`${archive} came without content`);
  await pipeline(Readable.fromWeb(body), createWriteStream(path));
  const actual = sha256Hex(await readFile(path));
  if (actual !== expected)
    throw new Error(`checksum of ${archive} is ${actual}, the release says ${expected}`);
  await run("tar", ["-xzf", path, "-C", work], { timeout: COMMAND_TIMEOUT_MS, env: options.env });
}

async function unpackDebianPackage(work: string, options: FetchOptions): Promise<void> {
  options.report("nats-server: asking apt for the distribution's package", FETCHING);
  const report: Report = (line, facts) => options.report(`nats-server: ${line}`, facts);
  await unpackDebianPackages(["nats-server"], { work, env: options.env, report });
}

/** Moves the unpacked server to its place in the cache in one step, so that no reader sees half of it. */
async function install(work: string, cache: string): Promise<Readonly<{ path: string; version: string }>> {
  const files = await readdir(work, { recursive: true, withFileTypes: true });
  const file = files.find((entry) => entry.isFile() && entry.name === "nats-server");
  if (file === undefined) throw new Error("what was fetched holds no nats-server");
  const unpacked = join(file.parentPath, file.name);
  await chmod(unpacked, 0o755);
  const version = await versionOf(unpacked);
  const path = join(cache, version, "nats-server");
  await mkdir(join(cache, version), { recursive: true });
  await rename(unpacked, path);
  return { path, version };
}

async function get(url: string, timeoutMs: number): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

const SYSTEMS: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin" };
const MACHINES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm7",
  ia32: "386",
  s390x: "s390x",
  ppc64: "ppc64le",
};

/** The release page's words for an operating system and a processor, as in `linux-amd64`. */
function platformOf(platform: string, arch: string): string {
  const system = SYSTEMS[platform];
  const machine = MACHINES[arch];
  if (system === undefined || machine === undefined)
    throw new Error(`no release is known for ${platform}-${arch}`);
  return `${system}-${machine}`;
}
