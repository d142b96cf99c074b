import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Block } from "./markdown-blocks.ts";
import type { Workspace } from "./workspace.ts";

/** What a block that went on in the background printed, and how to end it as Ctrl-C does. */
type Background = Readonly<{ block: Block; output(): string; stop(): Promise<void> }>;

const READY_TIMEOUT_MS = 120_000;
const BLOCK_TIMEOUT_MS = 400_000;
const STOP_TIMEOUT_MS = 60_000;

/**
 * Runs the blocks of a page in order, as somebody who reads it would, and stops what still runs at the end.
 *
 * @param told - Is told of each block that was run, with its seconds and what it printed.
 * @throws Error that names the block's place and shows what it printed, at the first that fails; likewise if a drawing of
 * output (`text`) shows words that the block before it did not print.
 */
export async function runBlocks(
  blocks: readonly Block[],
  workspace: Workspace,
  told: (block: Block, seconds: number, printed: string) => void = () => {},
): Promise<void> {
  const background: Background[] = [];
  let printed = "";
  try {
    for (const block of blocks) {
      const beganMs = performance.now();
      if (block.language === "text") expectPrinted(block, printed);
      if (block.note.kind === "not run" || !["sh", "ts"].includes(block.language)) continue;
      const script = await scriptOf(block, workspace);
      const until = untilOf(block);
      if (until !== undefined) {
        const one = await startBackground(block, script, until, workspace);
        background.push(one);
        printed = one.output();
      } else printed = await runToEnd(block, script, workspace);
      told(block, (performance.now() - beganMs) / 1_000, printed);
    }
  } finally {
    for (const one of background.reverse()) await one.stop();
  }
}

/** Programs are put beside the sources, so that they import what a reader's would, and run by the pinned Node. */
async function scriptOf(block: Block, { folder }: Workspace): Promise<string> {
  if (block.note.kind === "runs as") return block.note.commands;
  if (block.language !== "ts") return block.content;
  const name = `block-${block.line}.ts`;
  await writeFile(join(folder, name), block.content);
  return `node ${name}`;
}

function untilOf({ note }: Block): string | undefined {
  if (note.kind === "background until") return note.text;
  return note.kind === "runs as" ? note.until : undefined;
}

function shell(script: string, { folder, env }: Workspace): { child: ChildProcess; output: () => string } {
  // A group of its own, so that it can be ended with all that it started.
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    ...{ cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] },
  });
  let output = "";
  const take = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  return { child, output: () => output };
}

async function runToEnd(block: Block, script: string, workspace: Workspace): Promise<string> {
  const { child, output } = shell(script, workspace);
  const timer = setTimeout(() => signal(child, "SIGKILL"), BLOCK_TIMEOUT_MS);
  const [status] = await once(child, "close");
  clearTimeout(timer);
  if (status !== 0) throw failed(block, `ended with ${status ?? "no status, after its time"}`, output());
  return output();
}

async function startBackground(
  block: Block,
  script: string,
  until: string,
  workspace: Workspace,
): Promise<Background> {
  const { child, output } = shell(script, workspace);
  const closed = once(child, "close");
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (!output().includes(until)) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      signal(child, "SIGKILL");
      throw failed(block, `did not print "${until}"`, output());
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const stop = async (): Promise<void> => {
    signal(child, "SIGINT");
    const timer = setTimeout(() => signal(child, "SIGKILL"), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  };
  return { block, output, stop };
}

/** Numbers and names differ from run to run; the words of a drawing do not. */
function expectPrinted(block: Block, printed: string): void {
  const words = block.content.match(/(?<![\w.-])[a-z]{4,}(?![\w.-])/g) ?? [];
  const missing = words.filter((word) => !printed.includes(word));
  if (missing.length > 0)
    throw failed(block, `shows words that were not printed: ${missing.join(", ")}`, printed);
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    // The group has ended by itself.
  }
}

function failed(block: Block, what: string, output: string): Error {
  const lines = output.trimEnd().split("\n").slice(-30).join("\n");
  return new Error(`${block.page}:${block.line} ${what}\n${block.content}\nprinted:\n${lines}`);
}
