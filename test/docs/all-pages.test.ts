import { expect, test } from "vitest";
import { program } from "../../src/cli/main.ts";
import { wrongCommands } from "./command-lines.ts";
import { jsonProblem } from "./json-kinds.ts";
import { anchorOf, deadLinks } from "./links.ts";
import { allPages, type Block, blocksOf } from "./markdown-blocks.ts";

const PAGES = allPages();
const BLOCKS = PAGES.flatMap((page) => blocksOf(page));

test("command lines name commands that there are, with options that they take", () => {
  const wrong = BLOCKS.filter(({ language }) => language === "sh").flatMap((block) =>
    wrongCommands(block, program),
  );
  expect(wrong).toEqual([]);
});

/** Whoever reads has Node 20 or newer, which may not run TypeScript: `npx` takes the Node of the package. */
const OWN_NODE = /^\s*node \S+\.ts\b/m;

test("TypeScript is run by the package's Node, whatever the reader has", () => {
  const wrong = BLOCKS.filter(({ language, content }) => language === "sh" && OWN_NODE.test(content));
  expect(wrong.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});

test("what is shown as JSON is taken by the engine for what it looks like", () => {
  const wrong = BLOCKS.filter(({ language }) => language === "json").flatMap(({ page, line, content }) => {
    const problem = jsonProblem(content);
    return problem === undefined ? [] : [`${page}:${line} ${problem}`];
  });
  expect(wrong).toEqual([]);
});

test("no link leads nowhere", () => {
  expect(PAGES.flatMap((page) => deadLinks(page))).toEqual([]);
});

test("wrong commands, JSON and links are caught", () => {
  const block = (content: string): Block => ({
    ...{ page: "a.md", line: 1, language: "sh", note: { kind: "none" }, content },
  });
  expect(wrongCommands(block("resonance sing"), program)).toEqual([
    "a.md:2 there is no command: resonance sing",
  ]);
  expect(wrongCommands(block("cat a | npm run resonance -- status --loud"), program)).toHaveLength(1);
  expect(wrongCommands(block("resonance status --json  # not --loud"), program)).toEqual([]);
  expect(jsonProblem('{"maps": [{"name": "a"}]}')).toBeDefined();
  expect(jsonProblem('{"id": "1", "user": "a", "type": "view", "ts": 5}')).toMatch(/before 1990/);
  expect(jsonProblem('{"accepted": 1}')).toBeUndefined();
  const source = "[a](errors.md) [b](none.md) [c](errors.md#training-and-the-command-line) [d](#none)";
  expect(deadLinks("docs/a.md", source)).toEqual([
    "docs/a.md: none.md is not there",
    "docs/a.md: #none is no heading",
  ]);
  expect(anchorOf("What `x` is: A & B")).toBe("what-x-is-a--b");
});
