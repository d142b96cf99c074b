import { readFile } from "node:fs/promises";
import { EngineError } from "../kernel/engine-error.ts";
import { parseDefinitions } from "../resonance/parse-definitions.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";

/**
 * Reads the JSON file that defines maps and segments; docs/segments.md describes it.
 *
 * @throws EngineError `BAD_SEGMENTS_FILE` with the place and the reason.
 */
export async function readDefinitions(path: string): Promise<readonly SegmentMap[]> {
  const refuse = (message: string, cause?: unknown): never => {
    throw new EngineError({
      code: "BAD_SEGMENTS_FILE",
      message: `${path}: ${message}`,
      retryable: false,
      cause,
    });
  };
  const text = await readFile(path, "utf8").catch((cause: unknown) => refuse(String(cause), cause));
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (cause) {
    return refuse(`not JSON: ${String(cause)}`, cause);
  }
  const parsed = parseDefinitions(input);
  return parsed.kind === "definitions" ? parsed.maps : refuse(parsed.message);
}
