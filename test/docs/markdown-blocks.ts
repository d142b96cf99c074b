import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import MarkdownIt from "markdown-it";

export const ROOT = join(import.meta.dirname, "../..");

/** A fenced block of a page, and what the comment right before it says. */
export type Block = Readonly<{
  page: string;
  /** Line of the fence, from 1. */
  line: number;
  /** What is behind the fence: `sh`, `ts`, `json`; empty for drawings. */
  language: string;
  content: string;
  note: Note;
}>;

/**
 * What a page says about a block, in an HTML comment before it, so that whoever reads the page's source sees how what
 * they read differs from what is run:
 *
 * - `<!-- not run: REASON -->` it is only read;
 * - `<!-- runs as: COMMANDS -->` these lines are run in its place;
 * - `<!-- background until: TEXT -->` it goes on beside the blocks after it, once it has printed the text;
 * - `<!-- json: KIND -->` it is checked as what it is: see `json-kinds.ts`.
 */
export type Note =
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "not run"; reason: string }>
  | Readonly<{ kind: "runs as"; commands: string; until?: string }>
  | Readonly<{ kind: "background until"; text: string }>
  | Readonly<{ kind: "json"; of: string }>;

const markdown = new MarkdownIt({ html: true });

/** The fenced blocks of a page, in order. @throws Error if a comment before one begins as a note and is none. */
export function blocksOf(page: string, source: string = readFileSync(join(ROOT, page), "utf8")): Block[] {
  const tokens = markdown.parse(source, {});
  return tokens.flatMap((token, i) => {
    if (token.type !== "fence") return [];
    const before = tokens[i - 1];
    const comment = before?.type === "html_block" ? before.content.trim() : "";
    const line = (token.map?.[0] ?? 0) + 1;
    const [language = ""] = token.info.trim().split(/\s+/);
    return [{ page, line, language, content: token.content, note: noteOf(comment, `${page}:${line}`) }];
  });
}

/** README.md, SECURITY.md and all pages of docs/. */
export function allPages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  return ["README.md", "SECURITY.md", ...docs.sort()];
}

function noteOf(comment: string, place: string): Note {
  const match = /^<!--\s*(not run|runs as|background until|json)(?:, until (.+?))?:\s*([\s\S]*?)\s*-->$/.exec(
    comment,
  );
  if (match === null) {
    if (/^<!--\s*(not run|run|background|json)/.test(comment))
      throw new Error(`${place}: ${comment} is no note`);
    return { kind: "none" };
  }
  const [, kind, until, text = ""] = match;
  if (kind === "not run") return { kind, reason: text };
  if (kind === "runs as") return { kind, commands: text, ...(until === undefined ? {} : { until }) };
  if (kind === "background until") return { kind, text };
  return { kind: "json", of: text };
}
