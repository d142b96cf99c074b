import { parseDefinitions } from "../resonance/parse-definitions.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { badFile, readJsonFile } from "./read-json-file.ts";

const CODE = "BAD_SEGMENTS_FILE";

/**
 * Reads the JSON file that defines maps and segments; docs/segments.md describes it.
 *
 * @throws EngineError `BAD_SEGMENTS_FILE` with the place and the reason.
 */
export async function readDefinitions(path: string): Promise<readonly SegmentMap[]> {
  const parsed = parseDefinitions(await readJsonFile(path, CODE));
  if (parsed.kind === "refused") throw badFile(path, CODE, parsed.message);
  return parsed.maps;
}
