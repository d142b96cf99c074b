import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Report } from "../kernel/report.ts";
import { reasonOf } from "./nats-server-find.ts";

/** How packages are fetched. */
export type PackageOptions = Readonly<{
  /** Made by the caller; holds the packages and what is unpacked from them. */
  work: string;
  env: NodeJS.ProcessEnv;
  /** Told if the package lists have to be read anew. */
  report: Report;
}>;

const COMMAND_TIMEOUT_MS = 120_000;
const run = promisify(execFile);

/**
 * Lets apt verify and download packages of the distribution, and unpacks them into a folder: without root, without
 * starting a service, and without a change to apt's system-wide state.
 *
 * @throws Error if apt is not there, does not know a package, or left none.
 */
export async function unpackDebianPackages(names: readonly string[], options: PackageOptions): Promise<void> {
  const { work, env, report } = options;
  const before = new Set(await packagesIn(work));
  try {
    await download(names, options, []);
  } catch (withSystemLists) {
    report(`${reasonOf(withSystemLists)}; reading the package lists anew`, {
      event: "packages.lists-read",
    });
    await mkdir(join(work, "lists", "partial"), { recursive: true });
    await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
    const own = ["-o", `Dir::State::lists=${join(work, "lists")}`, "-o", `Dir::Cache=${join(work, "cache")}`];
    // Else apt, as root, hands the download to a user who may not write here.
    const asCaller = ["-o", "APT::Sandbox::User=root"];
    const words = ["update", "-qq", ...own, ...asCaller];
    await run("apt-get", words, { cwd: work, timeout: COMMAND_TIMEOUT_MS, env });
    await download(names, options, own);
  }
  const debs = (await packagesIn(work)).filter((name) => !before.has(name));
  if (debs.length === 0) throw new Error("apt-get download left no package");
  for (const deb of debs)
    await run("dpkg", ["-x", join(work, deb), work], { timeout: COMMAND_TIMEOUT_MS, env });
}

async function packagesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".deb"));
}

async function download(
  names: readonly string[],
  { work, env }: PackageOptions,
  settings: readonly string[],
): Promise<void> {
  const words = ["download", "-qq", ...settings, "-o", "APT::Sandbox::User=root", ...names];
  await run("apt-get", words, { cwd: work, timeout: COMMAND_TIMEOUT_MS, env });
}
