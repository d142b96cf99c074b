import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Where the console's page is made from, and built to, in the package. */
export const CONSOLE_SOURCE = join("src", "console", "web");
export const CONSOLE_BUILT = join("dist", "console");

/**
 * Whether the built page is missing, or older than a file that it is made of. An installed package has no sources: what was
 * built goes with it.
 *
 * @param root - The package's folder.
 */
export function isConsoleStale(root: string): boolean {
  const source = join(root, CONSOLE_SOURCE);
  if (!existsSync(source)) return false;
  const built = join(root, CONSOLE_BUILT, "index.html");
  if (!existsSync(built)) return true;
  // The page takes types and pure code from the folder beside it.
  return newestMs(join(source, "..")) > statSync(built).mtimeMs;
}

/** Builds the page. @throws What the builder throws; `ERR_MODULE_NOT_FOUND` where it is not installed. */
export async function buildConsole(root: string): Promise<void> {
  const { build } = await import("vite");
  await build({
    configFile: false,
    root: join(root, CONSOLE_SOURCE),
    base: "./",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: { outDir: join(root, CONSOLE_BUILT), emptyOutDir: true, target: "es2023", modulePreload: false },
  });
}

function newestMs(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs));
}
