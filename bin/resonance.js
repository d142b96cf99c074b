#!/usr/bin/env node
// Runs the command line on the Node that the package pins, whatever Node is on PATH: worker threads and
// type stripping need it. A checkout runs the sources as they are, an installed package runs dist/.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, "dist", "src", "cli", "main.js");
const source = join(root, "src", "cli", "main.ts");
const entry = existsSync(source) ? source : built;

// Compiled code is kept from one start to the next: a node is ready in a third of the time.
const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "resonance", "compiled");
// glibc takes larger memory from the system by itself, and gives it back, up to a bound that grows whenever that
// happens, unless it is set: without, memory for commits and contexts stays where it was used once. Likewise in each arena, of
// which there would be one a thread: two are enough for threads that seldom allocate at the same time.
const malloc = { MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_ARENA_MAX: "2" };
const env = { NODE_COMPILE_CACHE: cache, ...malloc, ...process.env };
const child = spawn(pinnedNode(), [entry, ...process.argv.slice(2)], { stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128);
});

function pinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const binary = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(binary) ? binary : process.execPath;
  } catch {
    return process.execPath;
  }
}
