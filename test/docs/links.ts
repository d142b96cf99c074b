import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import MarkdownIt from "markdown-it";
import { ROOT } from "./markdown-blocks.ts";

const markdown = new MarkdownIt({ html: true });

/** Links of a page that lead nowhere: to files that are not there, or headings that are none. One text each. */
export function deadLinks(page: string, source: string = readFileSync(join(ROOT, page), "utf8")): string[] {
  return targetsIn(source).flatMap((target) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : join(dirname(page), decodeURIComponent(path));
    if (file !== page && !existsSync(join(ROOT, file))) return [`${page}: ${target} is not there`];
    if (anchor === undefined || !file.endsWith(".md")) return [];
    const text = file === page ? source : readFileSync(join(ROOT, file), "utf8");
    return anchorsIn(text).includes(anchor) ? [] : [`${page}: ${target} is no heading`];
  });
}

/** Addresses of a page's links and pictures. */
function targetsIn(source: string): string[] {
  return markdown.parse(source, {}).flatMap((token) =>
    (token.children ?? []).flatMap((child) => {
      const target = child.attrGet(child.type === "image" ? "src" : "href");
      return target === null ? [] : [String(target)];
    }),
  );
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsIn(source: string): string[] {
  const tokens = markdown.parse(source, {});
  const seen = new Map<string, number>();
  return tokens.flatMap((token, i) => {
    if (token.type !== "heading_open") return [];
    const anchor = anchorOf(tokens[i + 1]?.content ?? "");
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return [times === 0 ? anchor : `${anchor}-${times}`];
  });
}

/** The anchor of a heading's text. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}
