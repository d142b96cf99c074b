import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ImportedEvent, Labels } from "../../../src/cli/import/imported.ts";

/** Writes small files, by their paths inside a folder. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** The events that an import has written, without those by which members identify themselves. */
export async function eventsIn(path: string): Promise<ImportedEvent[]> {
  return (await linesIn<ImportedEvent>(path)).filter(({ type }) => type !== "identify");
}

/** Who identifies themselves as what. */
export async function membersIn(path: string): Promise<Record<string, unknown>> {
  const identifies = (await linesIn<ImportedEvent>(path)).filter(({ type }) => type === "identify");
  return Object.fromEntries(identifies.map(({ user, segments }) => [user, segments]));
}

/** The labels of each user. */
export async function labelsIn(path: string): Promise<Record<string, Labels>> {
  const lines = await linesIn<{ user: string; labels: Labels }>(path);
  return Object.fromEntries(lines.map(({ user, labels }) => [user, labels]));
}

async function linesIn<Line>(path: string): Promise<Line[]> {
  const text = gunzipSync(await readFile(path)).toString();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
