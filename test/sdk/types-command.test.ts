import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectClient } from "../../src/cli/client.ts";
import { deploymentTypes } from "../../src/cli/types/deployment-types.ts";
import { aNode, CONTENT, DEFINITIONS, type TestNode } from "./a-node.ts";
import { typeErrors } from "./type-errors.ts";

const run = promisify(execFile);
const types = (...options: string[]) => run(process.execPath, ["src/cli/main.ts", "types", ...options]);
const refused = (...options: string[]) =>
  types(...options).then(
    () => "nothing was refused",
    (error: { stderr: string }) => error.stderr,
  );

let node: TestNode;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-types-"));
  node = await aNode();
}, 60_000);
afterAll(async () => {
  await node?.close();
  await rm(folder, { recursive: true, force: true });
});

test("names become unions, whatever letters are in them", () => {
  const text = deploymentTypes({
    maps: [
      { name: "life-cycle", segments: [{ name: "new" }, { name: "loyal" }] },
      { name: "7days", segments: [{ name: "one" }] },
    ],
    placements: [{ name: "home" }, { name: "empty" }],
    items: [
      { id: 'a "quoted" one', placements: ["home"] },
      { id: "back\\slash", placements: ["home"] },
    ],
  });
  expect(text).toContain('  readonly "life-cycle": "new" | "loyal";\n  readonly "7days": "one";\n');
  expect(text).toContain(
    '  readonly home: "a \\"quoted\\" one" | "back\\\\slash";\n  readonly empty: never;\n',
  );
  expect(text).toContain('| "content:home"');
});

test("many names are broken into lines", () => {
  const segments = Array.from({ length: 40 }, (_, i) => ({ name: `segment-${i}` }));
  const text = deploymentTypes({ maps: [{ name: "wide", segments }], placements: [], items: [] });
  expect(text).toContain('  readonly wide:\n    | "segment-0"\n    | "segment-1"\n');
  expect(
    Math.max(
      ...text
        .split("\n")
        .slice(1)
        .map(({ length }) => length),
    ),
  ).toBeLessThanOrEqual(100);
});

test("a running engine and the files that it was started with give the same types", async () => {
  const nats = ["--nats", node.nats.url];
  const files = [
    "--segments",
    join(node.folder, "segments.json"),
    "--content",
    join(node.folder, "content.json"),
  ];
  const [live, offline] = [(await types(...nats)).stdout, (await types(...files)).stdout];
  expect(live).toBe(offline);
  expect(live).toContain('readonly taste: "jazz" | "rock" | "folk";');
  expect(JSON.parse((await types("--json", ...nats)).stdout).types).toBe(live);
});

test("a file is written once, checked, and found stale when the deployment has changed", async () => {
  const out = join(folder, "resonance.ts");
  const live = ["--nats", node.nats.url, "--out", out];
  expect(await refused("--check", ...live)).toContain("TYPES_STALE");
  expect((await types(...live)).stderr).toContain("is written");
  expect((await types("--check", ...live)).stderr).toContain("up to date");
  expect(JSON.parse((await types("--json", ...live)).stdout)).toEqual({ file: out, changed: false });
  const client = await connectClient({ nats: node.nats.url, data: node.data, prefix: "resonance" }, "types");
  const items = [...CONTENT.items, { id: "folk-day", placements: ["home"] }];
  await client.ask("content.put", { ...CONTENT, items });
  await client.close();
  const before = await readFile(out, "utf8");
  expect(await refused("--check", ...live)).toContain("is not what the deployment defines now");
  expect(await readFile(out, "utf8")).toBe(before);
  await types(...live);
  expect(await readFile(out, "utf8")).toContain('"folk-day"');
});

test("options that do not go together are refused with what is missing", async () => {
  expect(await refused("--check")).toContain("--out FILE");
  expect(await refused("--content", "content.json")).toContain("--segments FILE");
  expect(await refused("--segments", join(folder, "none.json"))).toContain("BAD_SEGMENTS_FILE");
});

test("with the types a service can't misspell a map, a segment or a placement", async () => {
  const out = join(folder, "deployment.ts");
  await writeFile(out, deploymentTypes({ ...DEFINITIONS, maps: namesOf(), ...CONTENT }));
  const client = join(import.meta.dirname, "../../sdk/src/index.ts");
  const service = (lines: readonly string[]): string =>
    [
      `import { connect } from ${JSON.stringify(client)};`,
      'import type { FlagKey, Maps, Placements } from "./deployment.ts";',
      "const resonance = await connect<Maps, Placements>();",
      ...lines,
      "",
    ].join("\n");
  const right = service([
    'const either: "jazz" | "rock" | "folk" | "buyer" | "reader" | undefined = (await resonance.score("ada")).segments[0]?.segment;',
    'const taste: "jazz" | "rock" | "folk" | undefined = (await resonance.score("ada", { map: "taste" })).segments[0]?.segment;',
    'const content: "jazz-night" | "rock-fest" | null = (await resonance.content("ada", "home")).content;',
    'const table = await resonance.scoreMany(["ada"], { map: "intent" });',
    'const probability: number = table.probability(0, "buyer");',
    'for await (const { map, segment } of resonance.transitions()) if (map === "intent") { const named: "buyer" | "reader" = segment; void named; }',
    'const key: FlagKey = "taste.jazz";',
    "export { content, either, key, probability, taste };",
  ]);
  const wrong = [
    'export const a = await resonance.score("ada", { map: "tast" });',
    'export const b: "metal" | undefined = (await resonance.score("ada", { map: "taste" })).segments[0]?.segment;',
    'export const c = await resonance.content("ada", "hom");',
    'export const d = (await resonance.scoreMany(["ada"], { map: "intent" })).probability(0, "jazz");',
    'export const e = resonance.transitions({ map: "taste", segment: "buyer" });',
    'export const f: FlagKey = "taste.metal";',
  ];
  expect(await typeErrors(folder, { "right.ts": right })).toEqual([]);
  const errors = await typeErrors(folder, { "wrong.ts": service(wrong) });
  expect(errors.map((line) => Number(/\((\d+),/.exec(line)?.[1]))).toEqual([4, 5, 6, 7, 8, 9]);
});

test("without types every name is a text", async () => {
  const client = join(import.meta.dirname, "../../sdk/src/index.ts");
  const service = [
    `import { connect } from ${JSON.stringify(client)};`,
    "const resonance = await connect();",
    'export const segment: string | undefined = (await resonance.score("ada", { map: "any" })).segments[0]?.segment;',
    'export const content: string | null = (await resonance.content("ada", "anywhere")).content;',
    "",
  ].join("\n");
  expect(await typeErrors(folder, { "untyped.ts": service })).toEqual([]);
});

function namesOf() {
  return DEFINITIONS.maps.map(({ name, segments }) => ({
    name,
    segments: segments.map((segment) => ({ name: segment })),
  }));
}
