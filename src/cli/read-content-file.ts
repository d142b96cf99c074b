import { readFile } from "node:fs/promises";
import type { ContentCatalogue } from "../content/catalogue.ts";
import { parseCatalogue } from "../content/parse-catalogue.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";

/**
 * Reads the JSON file that defines placements and their contents; docs/content.md describes it.
 *
 * @param maps - Those that placements may be of; not looked at if left out.
 * @throws EngineError `BAD_CONTENT_FILE` with the place and the reason.
 */
export async function readContentFile(
  path: string,
  maps?: readonly SegmentMap[],
): Promise<Omit<ContentCatalogue, "version">> {
  const parsed = parseCatalogue(
    await readContentJson(path),
    maps?.map(({ name }) => name),
  );
  return parsed.kind === "catalogue" ? parsed.catalogue : refuse(path, parsed.message);
}

/**
 * What a file of contents holds, before it is looked at.
 *
 * @throws EngineError `BAD_CONTENT_FILE` if it can't be read, or is no JSON.
 */
export async function readContentJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => refuse(path, String(cause), cause));
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse(path, `not JSON: ${String(cause)}`, cause);
  }
}

function refuse(path: string, message: string, cause?: unknown): never {
  throw new EngineError({
    code: "BAD_CONTENT_FILE",
    message: `${path}: ${message}`,
    retryable: false,
    cause,
  });
}
