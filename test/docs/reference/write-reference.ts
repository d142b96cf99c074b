// `npm run docs:reference`: writes the pages of docs/ that follow from the code.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { program } from "../../../src/cli/main.ts";
import { referencePages } from "./reference-pages.ts";

const ROOT = new URL("../../../", import.meta.url);

for (const { path, content } of referencePages(program)) {
  await writeFile(fileURLToPath(new URL(path, ROOT)), content);
  process.stdout.write(`${path}\n`);
}
