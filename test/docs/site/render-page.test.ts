import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allPages, ROOT } from "../markdown-blocks.ts";
import { navigationIn, renderPage, sitePath } from "./render-page.ts";

const NAVIGATION = navigationIn(readFileSync(join(ROOT, "docs/README.md"), "utf8"));

test("every page of docs/ is in the navigation", () => {
  const named = NAVIGATION.flatMap(({ entries }) => entries.map(({ path }) => path));
  const pages = allPages().filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
  expect(pages.map(sitePath).filter((path) => !named.includes(path))).toEqual([]);
});

test("links between pages lead to their HTML, from wherever they are", () => {
  const html = renderPage(
    "docs/how-to/a.md",
    "# A\n\n[e](../events.md#fields) [x](../../examples/README.md) [h](http://a/b.md)",
    [],
  );
  expect(html).toContain('href="../events.html#fields"');
  expect(html).toContain('href="../examples/index.html"');
  expect(html).toContain('href="http://a/b.md"');
  expect(html).toContain('<h1 id="a">A</h1>');
});

test("paths on the site", () => {
  expect(
    ["docs/README.md", "README.md", "docs/cli.md", "docs/../CHANGELOG.md", "examples/README.md"].map(
      sitePath,
    ),
  ).toEqual([...["index.html", "readme.html", "cli.html", "CHANGELOG.html", "examples/index.html"]]);
});
