import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocksOf } from "./markdown-blocks.ts";
import { runBlocks } from "./run-blocks.ts";
import type { Workspace } from "./workspace.ts";

let workspace: Workspace;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-blocks-"));
  workspace = { folder, env: process.env, remove: () => rm(folder, { recursive: true, force: true }) };
});
afterAll(() => workspace.remove());

/** A page of blocks, each with the comment before it. */
function page(...blocks: readonly (readonly [comment: string, language: string, content: string])[]): string {
  return blocks
    .map(([comment, language, content]) => `${comment}\n\`\`\`${language}\n${content}\n\`\`\`\n`)
    .join("\ntext between\n\n");
}

async function run(source: string): Promise<string[]> {
  const ran: string[] = [];
  await runBlocks(blocksOf("a.md", source), workspace, (_, __, printed) => ran.push(printed.trim()));
  return ran;
}

test("shell blocks run in order, in one folder", async () => {
  expect(await run(page(["", "sh", "echo 1 > made"], ["", "sh", "cat made"]))).toEqual(["", "1"]);
});

test("programs run, types and all", async () => {
  expect(await run(page(["", "ts", "const told: string = 'here'; console.log(told);"]))).toEqual(["here"]);
});

test("a command that fails, anywhere in a block, fails the page and tells where", async () => {
  await expect(run(page(["", "sh", "false\necho on"]))).rejects.toThrow("a.md:2 ended with 1");
  await expect(run(page(["", "sh", "false | true"]))).rejects.toThrow("ended with 1");
});

test("what is shown as output has to have been printed, numbers apart", async () => {
  await run(page(["", "sh", "echo 17 events stored"], ["", "text", "23 events stored"]));
  const other = page(["", "sh", "echo 17 events stored"], ["", "text", "23 events refused"]);
  await expect(run(other)).rejects.toThrow("words that were not printed: refused");
});

test("a block may be left out with its reason, or run as other lines", async () => {
  expect(await run(page(["<!-- not run: needs a moon -->", "sh", "false"]))).toEqual([]);
  expect(await run(page(["<!-- runs as: echo other -->", "sh", "false"]))).toEqual(["other"]);
});

test("a block in the background goes on while others run, and is ended as by Ctrl-C", async () => {
  const server = "trap 'echo ended > ended; exit 0' INT; echo ready; while true; do sleep 0.05; done";
  const blocks = [
    ["<!-- background until: ready -->", "sh", server] as const,
    ["", "sh", "test ! -e ended"] as const,
  ];
  await run(page(...blocks));
  expect(await run(page(["", "sh", "cat ended"]))).toEqual(["ended"]);
});

test("one that ends before it is ready fails the page", async () => {
  const source = page(["<!-- background until: ready -->", "sh", "echo broken"]);
  await expect(run(source)).rejects.toThrow('did not print "ready"');
});

test("a comment that begins as a note and is none is no comment", () => {
  expect(() => blocksOf("a.md", page(["<!-- not runs: x -->", "sh", "false"]))).toThrow("is no note");
});
