import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aNode, type TestNode } from "./a-node.ts";
import { typeErrors } from "./type-errors.ts";

const ROOT = join(import.meta.dirname, "../..");
const page = await readFile(join(ROOT, "sdk/README.md"), "utf8");
const programs = [...page.matchAll(/## ([^\n]+)\n[^#]*?```ts\n(.*?)```/gs)].map(
  ([, title = "", code = ""]) => ({
    title,
    code,
  }),
);

let node: TestNode;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-readme-"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  node = await aNode();
}, 60_000);
afterAll(async () => {
  await node?.close();
  await rm(folder, { recursive: true, force: true });
});

test("the page has a program for each thing to do", () => {
  expect(programs.map(({ title }) => title)).toEqual([
    "Send events, ask for scores",
    "Many users",
    "Hear who enters and leaves a segment",
    "Choose a content, and say what became of it",
    "Names that the compiler knows",
    "Feature flags",
  ]);
});

test.for(programs)("as it stands there, it compiles and runs: $title", async ({ title, code }) => {
  const name = `${title.replaceAll(/\W+/g, "-").toLowerCase()}.ts`;
  const program = code
    .replaceAll("nats://127.0.0.1:4222", node.nats.url)
    .replace('"resonance-map/openfeature"', JSON.stringify(join(ROOT, "sdk/src/openfeature.ts")))
    .replace('"resonance-map"', JSON.stringify(join(ROOT, "sdk/src/index.ts")));
  await writeFile(join(folder, name), program);
  expect(await typeErrors(folder, { [name]: program })).toEqual([]);
  const { stderr } = await promisify(execFile)(process.execPath, [join(folder, name)]);
  expect(stderr).toBe("");
});
