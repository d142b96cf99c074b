import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "./entropy.ts";

const NAME_FILE = "node-name";
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The name of the node that a data folder belongs to: made once, then the same at every start. */
export async function keptName(folder: string): Promise<string> {
  const path = join(folder, NAME_FILE);
  const held = await readFile(path, "utf8").catch(() => "");
  if (NAME.test(held.trim())) return held.trim();
  const name = `node-${newId().slice(0, 8)}`;
  await writeFile(path, `${name}\n`);
  return name;
}
