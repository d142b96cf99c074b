import { readFile } from "node:fs/promises";
import { EngineError } from "../kernel/engine-error.ts";

/**
 * What a JSON file holds.
 *
 * @param code - Of the error for such files.
 * @throws EngineError with that code, the path and the reason.
 */
export async function readJsonFile(path: string, code: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw badFile(path, code, String(cause), cause);
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badFile(path, code, `not JSON: ${String(cause)}`, cause);
  }
}

/** The refusal of a file. */
export function badFile(path: string, code: string, message: string, cause?: unknown): EngineError {
  return new EngineError({ code, message: `${path}: ${message}`, retryable: false, cause });
}
