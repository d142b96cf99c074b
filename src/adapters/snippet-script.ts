import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SnippetScript } from "../gateway/snippet/snippet-routes.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { buildSnippet, isSnippetStale, SNIPPET_FILE } from "./snippet-build.ts";

/** Characters of a digest: enough that two builds differ. */
const DIGEST_CHARS = 22;

/** The script for pages, read once; of a checkout it is built when it is first asked for, and missing or old. */
export function snippetScript(report: Report): () => Promise<SnippetScript | undefined> {
  let script: Promise<SnippetScript | undefined> | undefined;
  return () => {
    script ??= ready(packageFolder(), report);
    return script;
  };
}

async function ready(root: string, report: Report): Promise<SnippetScript | undefined> {
  try {
    if (isSnippetStale(root)) await buildSnippet(root);
  } catch (thrown) {
    const { code, message } = toWireError(thrown);
    report(`the script for pages can't be built: ${message}`, {
      event: "page.not-built",
      level: "warn",
      code,
    });
  }
  const file = join(root, SNIPPET_FILE);
  if (!existsSync(file)) return undefined;
  const body = await readFile(file);
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, DIGEST_CHARS);
  return { body: new Uint8Array(body), etag: `"${digest}"` };
}

/** The folder of the package, whether this file is its source or was built. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
