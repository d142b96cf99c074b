import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { natsServerBinary } from "../../src/adapters/nats-server.ts";
import { ROOT } from "./markdown-blocks.ts";

/** A copy of the checkout, as somebody has it who has just cloned and installed it. */
export type Workspace = Readonly<{ folder: string; env: NodeJS.ProcessEnv; remove(): Promise<void> }>;

/** Makes one. `resonance` is on its PATH, as if the package were installed, and a NATS server, found or fetched. */
export async function cleanWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-docs-"));
  const listed = await promisify(execFile)("git", ["ls-files", "-co", "--exclude-standard"], {
    ...{ cwd: ROOT, maxBuffer: 2 ** 26 },
  });
  for (const path of listed.stdout.split("\n").filter((line) => line !== "" && line !== "node_modules")) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(ROOT, path), join(folder, path)).catch(() => {}); // Removed, and not committed yet.
  }
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const bin = join(folder, ".bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "resonance"),
    `#!/bin/sh\nexec node "${join(folder, "bin/resonance.js")}" "$@"\n`,
  );
  await chmod(join(bin, "resonance"), 0o755);
  const nats = await natsServerBinary({ env: process.env, report: () => undefined });
  const path = [bin, dirname(process.execPath), dirname(nats.path), process.env["PATH"] ?? ""].join(
    delimiter,
  );
  const env = { ...process.env, PATH: path, NO_COLOR: "1", npm_config_update_notifier: "false" };
  return { folder, env, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}
