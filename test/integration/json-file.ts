import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes a value as JSON into a folder. @returns The file's path. */
export async function jsonFile(folder: string, name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(value));
  return path;
}
