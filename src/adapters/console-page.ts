import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StaticFile, StaticFiles } from "../gateway/http/admin-route.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { buildConsole, CONSOLE_BUILT, isConsoleStale } from "./console-build.ts";
import { staticFolder } from "./static-folder.ts";
import { systemClock } from "./system-clock.ts";

/** The console's page: of a checkout it is built when it is first asked for, and missing or old. */
export function consolePage(report: Report): StaticFiles {
  const root = packageFolder();
  let files: Promise<StaticFiles> | undefined;
  return async (path) => {
    files ??= ready(root, report);
    const found = await (await files)(path);
    return found ?? (path === "/" ? NOT_BUILT : undefined);
  };
}

async function ready(root: string, report: Report): Promise<StaticFiles> {
  if (isConsoleStale(root)) {
    const beganMs = systemClock.monotonicMs();
    report("building the console's page", { event: "page.building" });
    try {
      await buildConsole(root);
      report(`the console's page is built (${Math.round(systemClock.monotonicMs() - beganMs)} ms)`, {
        event: "page.built",
      });
    } catch (thrown) {
      const { code, message } = toWireError(thrown);
      report(`the console's page can't be built: ${message}`, {
        event: "page.not-built",
        level: "warn",
        code,
      });
    }
  }
  return staticFolder(join(root, CONSOLE_BUILT));
}

/** What stands in for a page that could not be built. */
const NOT_BUILT: StaticFile = {
  body: new TextEncoder().encode(
    "<!doctype html><title>Resonance</title><p>The console's page is not built: run <code>npm ci</code> and <code>npm run build</code>, then start the node again.",
  ),
  contentType: "text/html; charset=utf-8",
  etag: '"not-built"',
  isImmutable: false,
};

/** The folder of the package, whether this file is its source or was built. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
