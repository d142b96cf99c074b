import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ROOT } from "../markdown-blocks.ts";
import { capacityTable } from "./capacity-table.ts";
import { cliReference } from "./cli-reference.ts";
import { eventFields, eventTypes } from "./event-fields.ts";
import { metricsReference } from "./metrics-reference.ts";
import { publicSubjects } from "./public-subjects.ts";

/** A page of docs/ of which all or a part is written from what the code says. */
export type ReferencePage = Readonly<{ path: string; content: string }>;

/** Parts of pages, by page and name: between `<!-- begin NAME … -->` and `<!-- end NAME -->`. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "docs/events.md": { fields: eventFields, types: eventTypes },
  "docs/nats.md": { subjects: publicSubjects },
  "docs/capacity.md": { plan: capacityTable },
};

/** All pages that are written so, as they should be. */
export function referencePages(program: Command): ReferencePage[] {
  const pages = Object.entries(PARTS).map(([path, parts]) => {
    let content = readFileSync(join(ROOT, path), "utf8");
    for (const [name, written] of Object.entries(parts)) content = withPart(path, content, name, written());
    return { path, content };
  });
  return [
    { path: "docs/cli.md", content: cliReference(program) },
    { path: "docs/metrics.md", content: metricsReference() },
    ...pages,
  ];
}

function withPart(path: string, page: string, name: string, part: string): string {
  const between = new RegExp(`(<!-- begin ${name}\\b[^>]*-->\\n)[\\s\\S]*?(<!-- end ${name} -->)`);
  if (!between.test(page)) throw new Error(`${path} has no place for ${name}`);
  return page.replace(between, (_, begin: string, end: string) => `${begin}${part}\n${end}`);
}
