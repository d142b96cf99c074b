import type { ContentCatalogue } from "../content/catalogue.ts";
import { parseCatalogue } from "../content/parse-catalogue.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { badFile, readJsonFile } from "./read-json-file.ts";

const CODE = "BAD_CONTENT_FILE";

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
  if (parsed.kind === "refused") throw badFile(path, CODE, parsed.message);
  return parsed.catalogue;
}

/**
 * What a file of contents holds, before it is looked at.
 *
 * @throws EngineError `BAD_CONTENT_FILE` if it can't be read, or is no JSON.
 */
export function readContentJson(path: string): Promise<unknown> {
  return readJsonFile(path, CODE);
}
