import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");
const FOLDER = "src/embedding/kernels";
/** What the module exports is what these export. */
const ENTRIES = ["embed.ts", "exp.ts", "score.ts"].map((name) => `${FOLDER}/${name}`);
/** The memory is the host's; nothing is allocated, so there is no runtime. No relaxed SIMD: it may round differently. */
const OPTIONS = "-O3 --noAssert --runtime stub --enable simd --importMemory --noExportMemory".split(" ");
/** Between the kernels' own functions, pairs of numbers are handed over in registers. */
const QUIET = ["--disableWarning", "112"];

export const MODULE_FILE = join(ROOT, "src/embedding/kernel-module.ts");

/** Compiles the kernels' AssemblyScript: the same bytes wherever it happens. */
export function compileKernels(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "kernels-"));
  try {
    const module = join(folder, "kernels.wasm");
    // As a program: imported, its types would take the place of Node's.
    const compiler = join(ROOT, "node_modules/assemblyscript/bin/asc.js");
    execFileSync(process.execPath, [compiler, ...ENTRIES, ...OPTIONS, ...QUIET, "-o", module], { cwd: ROOT });
    return readFileSync(module);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The committed form: TypeScript, so that it is bundled, compiled and imported like all else. */
export function moduleSource(module: Uint8Array): string {
  return [
    `// Made by \`npm run build:kernels\` from ${FOLDER}; a test compiles them again and compares.`,
    "",
    "/** The vector kernels as a WebAssembly module in base64. */",
    "export const KERNEL_MODULE =",
    `  "${Buffer.from(module).toString("base64")}";`,
    "",
  ].join("\n");
}
