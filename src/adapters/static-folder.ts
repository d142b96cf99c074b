import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { StaticFile, StaticFiles } from "../gateway/http/admin-route.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
/** Folder of files whose names hold a digest of their content. */
const IMMUTABLE = "/assets/";
/** Letters, digits and what else names of files have here; no part is `..` or hidden. */
const PATH = /^(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$/;

/**
 * Files of a folder, read once and kept: a built page is small. Only names that the folder can have are looked for, so that no
 * path leads out of it.
 */
export function staticFolder(folder: string): StaticFiles {
  const kept = new Map<string, StaticFile>();
  return async (path) => {
    const name = path === "/" ? "/index.html" : path;
    const contentType = TYPES[extname(name)];
    if (contentType === undefined || !PATH.test(name)) return undefined;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const body = await readFile(join(folder, name)).catch(() => undefined);
    if (body === undefined) return undefined; // Not remembered: names without a file are without number.
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    const file = { body: new Uint8Array(body), contentType, etag, isImmutable: name.startsWith(IMMUTABLE) };
    kept.set(name, file);
    return file;
  };
}
