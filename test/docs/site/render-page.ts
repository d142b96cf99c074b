import MarkdownIt from "markdown-it";
import { anchorOf } from "../links.ts";

/** One entry of the site's navigation. */
export type NavigationGroup = Readonly<{
  title: string;
  /** Titles, and paths from the root of the site. */
  entries: readonly Readonly<{ title: string; path: string }>[];
}>;

/** The groups of docs/README.md: its second-level headings, and the links in the lists below them. */
export function navigationIn(source: string): NavigationGroup[] {
  const groups = source.split(/^## /m).slice(1);
  return groups.map((group) => ({
    title: group.split("\n", 1)[0]?.trim() ?? "",
    entries: [...group.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, title = "", target = ""]) => ({
      ...{ title, path: sitePath(`docs/${target}`) },
    })),
  }));
}

/** Where a Markdown file of the repository is on the site: pages of docs/ at the root, others by their path. */
export function sitePath(file: string): string {
  const parts: string[] = [];
  for (const part of file.split("/")) part === ".." ? parts.pop() : parts.push(part);
  const path = parts.join("/").replace(/^docs\//, "");
  return path === "README.md" && !file.startsWith("docs/")
    ? "readme.html"
    : path.replace(/(^|\/)README\.md$/, "$1index.html").replace(/\.md$/, ".html");
}

/**
 * A page as HTML.
 *
 * @param file - Its path in the repository, from which its links lead.
 */
export function renderPage(file: string, source: string, navigation: readonly NavigationGroup[]): string {
  const markdown = new MarkdownIt({ html: true });
  const here = sitePath(file);
  const toRoot = "../".repeat(here.split("/").length - 1);
  const tokens = markdown.parse(source, {});
  tokens.forEach((token, i) => {
    if (token.type === "heading_open") token.attrSet("id", anchorOf(tokens[i + 1]?.content ?? ""));
    for (const child of token.children ?? []) {
      const href = child.attrGet("href");
      if (href !== null) child.attrSet("href", linkFrom(file, String(href), toRoot));
    }
  });
  const title = tokens[tokens.findIndex(({ type }) => type === "heading_open") + 1]?.content ?? file;
  const groups = navigation.map(
    ({ title: heading, entries }) =>
      `<h2>${heading}</h2><ul>${entries
        .map(({ title: text, path }) => {
          const current = path === here ? ' aria-current="page"' : "";
          return `<li><a href="${toRoot}${path}"${current}>${markdown.utils.escapeHtml(text)}</a></li>`;
        })
        .join("")}</ul>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${markdown.utils.escapeHtml(title)} · Resonance</title><link rel="stylesheet" href="${toRoot}site.css"></head>
<body><a class="skip" href="#content">To the content</a>
<nav aria-label="Documentation"><a class="home" href="${toRoot}index.html">Resonance</a>${groups.join("")}</nav>
<main id="content">${markdown.renderer.render(tokens, markdown.options, {})}</main></body></html>
`;
}

/** Pages lead to pages; files that are no pages stay where the repository has them. */
function linkFrom(file: string, href: string, toRoot: string): string {
  if (/^[a-z]+:|^#/.test(href)) return href;
  const [path = "", anchor] = href.split("#");
  if (!path.endsWith(".md")) return href;
  const folder = file.split("/").slice(0, -1).join("/");
  return `${toRoot}${sitePath(`${folder}/${path}`.replace(/^\//, ""))}${anchor === undefined ? "" : `#${anchor}`}`;
}
