import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StaticFiles } from "../gateway/http/admin-route.ts";
import { staticFolder } from "./static-folder.ts";

/** The built page of the console. */
export function consolePage(_report: (line: string) => void): StaticFiles {
  return staticFolder(join(packageFolder(), "dist", "console"));
}

/** The folder of the package, whether this file is its source or was built. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
