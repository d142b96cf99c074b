import type { Command } from "commander";
import { leavesOf } from "../../src/cli/help/complete-help.ts";
import type { Block } from "./markdown-blocks.ts";

/**
 * What is wrong with the command lines of a shell block: names of commands that there are not, and options that they
 * don't take. One text each, with its place.
 */
export function wrongCommands(block: Block, program: Command): string[] {
  const leaves = leavesOf(program).sort((a, b) => b.path.length - a.path.length);
  return block.content.split("\n").flatMap((line, i) => {
    const place = `${block.page}:${block.line + 1 + i}`;
    // What is behind a comment or inside quotes is no command.
    const bare = line.replace(/(^|\s)#.*$/, "").replace(/'[^']*'|"[^"$]*"/g, "''");
    return [
      ...bare.matchAll(
        /(?:^|[|(;&]\s*|\$\()\s*(?:npm run (?:-s )?resonance --|resonance)\s+([a-z][^|;&)]*)/g,
      ),
    ].flatMap(([, words = ""]) => {
      const leaf = leaves.find(({ path }) => `${words.trimEnd()} `.startsWith(`${path} `));
      if (leaf === undefined) return [`${place} there is no command: resonance ${words.trim()}`];
      const known = leaf.command.options.flatMap(({ long, short }) => [long, short]);
      const unknown = [...words.matchAll(/(?<=\s)--?[a-z][a-z-]*/g)].map(([flag]) => flag);
      return unknown
        .filter((flag) => flag !== "--help" && !known.includes(flag))
        .map((flag) => `${place} resonance ${leaf.path} takes no ${flag}`);
    });
  });
}
