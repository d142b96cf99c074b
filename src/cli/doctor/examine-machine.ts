import { mkdtemp, rm, statfs } from "node:fs/promises";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type FailedStep, findNatsServer } from "../../adapters/nats-server-find.ts";
import { tensorBackend } from "../../adapters/tensor-backend.ts";
import type { MachineFacts } from "./doctor-check.ts";

/** Looks at the machine; changes nothing but a folder of its own, which it removes. */
export async function examineMachine(dataFolder: string): Promise<MachineFacts> {
  const failed: FailedStep[] = [];
  const natsServer = await findNatsServer(process.env, failed);
  return {
    node: process.versions.node,
    natsServer,
    lmdbProblem: await lmdbProblem(),
    tensors: await tensorBackend().then(
      ({ name, reason }) => ({ name, reason }),
      (thrown: unknown) => ({ problem: firstLine(thrown) }),
    ),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    dataFolder: resolve(dataFolder),
    diskFreeBytes: await freeBytes(resolve(dataFolder)),
  };
}

/** Writes a value and reads it back; what is in the way, if anything is. */
async function lmdbProblem(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-doctor-"));
  try {
    const { open } = await import("lmdb");
    const database = open<string, string>({ path: folder });
    await database.put("is", "there");
    const read = database.get("is");
    await database.close();
    return read === "there" ? undefined : "loads, but does not read what it wrote";
  } catch (thrown) {
    return `does not work: ${firstLine(thrown)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the nearest folder that exists. */
async function freeBytes(folder: string): Promise<number | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await statfs(at).catch(() => undefined);
    if (found !== undefined) return found.bavail * found.bsize;
    if (at === dirname(at)) return undefined;
  }
}

function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split("\n")[0] ?? text;
}
