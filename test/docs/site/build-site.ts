// `npm run docs:build`: the documentation as a site of plain HTML, into dist/docs. It fails if a link leads nowhere.
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deadLinks } from "../links.ts";
import { allPages, ROOT } from "../markdown-blocks.ts";
import { navigationIn, renderPage, sitePath } from "./render-page.ts";

const OUT = join(ROOT, "dist/docs");
/** Pages beside those of docs/ that they lead to. */
const BESIDE = ["CHANGELOG.md", "examples/README.md"];

const pages = [...allPages(), ...BESIDE];
const dead = pages.flatMap((page) => deadLinks(page));
if (dead.length > 0) {
  process.stderr.write(`${dead.join("\n")}\n`);
  process.exitCode = 1;
}
const navigation = navigationIn(await readFile(join(ROOT, "docs/README.md"), "utf8"));
await rm(OUT, { recursive: true, force: true });
for (const page of pages) {
  const path = join(OUT, sitePath(page));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, renderPage(page, await readFile(join(ROOT, page), "utf8"), navigation));
}
const docs = await readdir(join(ROOT, "docs"), { recursive: true });
for (const picture of docs.filter((name) => /\.(svg|png|webp)$/.test(name))) {
  await mkdir(dirname(join(OUT, picture)), { recursive: true });
  await copyFile(join(ROOT, "docs", picture), join(OUT, picture));
}
await copyFile(join(import.meta.dirname, "site.css"), join(OUT, "site.css"));
process.stdout.write(`${pages.length} pages in dist/docs\n`);
