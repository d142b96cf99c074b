import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/** Where the script for pages is made from, and built to, in the package. */
const SOURCE = join("src", "snippet");
const BUILT = join("dist", "snippet");
const ENTRY = "snippet.ts";
const TYPES = "resonance.d.ts";
export const SNIPPET_FILE = join(BUILT, "resonance.js");

/**
 * Whether the built script is missing, or older than its source. An installed package has no source: what was built goes with it.
 *
 * @param root - The package's folder.
 */
export function isSnippetStale(root: string): boolean {
  const source = join(root, SOURCE, ENTRY);
  if (!existsSync(source)) return false;
  const built = join(root, SNIPPET_FILE);
  return !existsSync(built) || statSync(source).mtimeMs > statSync(built).mtimeMs;
}

/** Builds the script, and puts its types beside it. @throws What the builder throws; `ERR_MODULE_NOT_FOUND` where it is not installed. */
export async function buildSnippet(root: string): Promise<void> {
  const { build } = await import("vite");
  const { copyFile } = await import("node:fs/promises");
  await build({
    configFile: false,
    root: join(root, SOURCE),
    logLevel: "warn",
    build: {
      outDir: join(root, BUILT),
      emptyOutDir: true,
      target: "es2020",
      minify: true,
      lib: { entry: ENTRY, formats: ["iife"], name: "resonanceSnippet", fileName: () => "resonance.js" },
    },
  });
  await copyFile(join(root, SOURCE, TYPES), join(root, BUILT, TYPES));
}
