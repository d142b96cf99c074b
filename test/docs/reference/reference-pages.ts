import type { Command } from "commander";
import { cliReference } from "./cli-reference.ts";
import { metricsReference } from "./metrics-reference.ts";

/** A page of docs/ that is written from what the code says. */
export type ReferencePage = Readonly<{ path: string; content: string }>;

/** All pages that are written so. */
export function referencePages(program: Command): ReferencePage[] {
  return [
    { path: "docs/cli.md", content: cliReference(program) },
    { path: "docs/metrics.md", content: metricsReference() },
  ];
}
