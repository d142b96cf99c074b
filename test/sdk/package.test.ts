import { execFile } from "node:child_process";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aNode, type TestNode } from "./a-node.ts";
import { typeErrors } from "./type-errors.ts";

const ROOT = join(import.meta.dirname, "../..");
const OLDEST_NODE = 20;
const run = promisify(execFile);

let node: TestNode;
let folder = "";
let packed: readonly string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-package-"));
  const how = { cwd: ROOT, maxBuffer: 16_777_216 };
  const pack = ["pack", "--workspace", "sdk", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, how);
  const [told] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = told.files.map(({ path }) => path);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const install = ["install", "--no-audit", "--no-fund", "--prefer-offline", join(folder, told.filename)];
  await run("npm", [...install, "@openfeature/server-sdk"], { ...how, cwd: folder });
  node = await aNode();
}, 180_000);
afterAll(async () => {
  await node?.close();
  await rm(folder, { recursive: true, force: true });
});

test("the package has what is built, its pages, and nothing else", () => {
  const elsewhere = packed.filter(
    (path) => !/^(dist\/.*\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(path),
  );
  expect(elsewhere).toEqual([]);
  expect(packed).toEqual(expect.arrayContaining(["dist/index.js", "dist/index.d.ts", "dist/openfeature.js"]));
});

test("it brings nothing but the NATS client and MessagePack", async () => {
  const { dependencies } = JSON.parse(await readFile(join(ROOT, "sdk/package.json"), "utf8"));
  expect(Object.keys(dependencies)).toEqual(["@nats-io/transport-node", "msgpackr"]);
  expect(await readdir(join(folder, "node_modules"))).not.toContain("lmdb");
});

test("installed in an empty folder it runs on a plain Node, from the oldest one that is supported", async (context) => {
  const plain = await plainNode();
  if (plain === undefined)
    return context.skip(`no Node of its own is on PATH, only the one that npm installed`);
  const script = [
    'import { OpenFeature } from "@openfeature/server-sdk";',
    'import { connect } from "resonance-map";',
    'import { ResonanceProvider } from "resonance-map/openfeature";',
    "const resonance = await connect({ servers: process.argv[2] });",
    'const { positions } = await resonance.ingest({ user: "ada", type: "view", item: "boots" });',
    'const score = await resonance.score("ada", { atLeast: positions });',
    'const table = await resonance.scoreMany(["ada", "bob"]);',
    "await OpenFeature.setProviderAndWait(new ResonanceProvider({ resonance }));",
    'const flag = await OpenFeature.getClient().getStringDetails("taste", "?", { targetingKey: "ada" });',
    "await OpenFeature.close();",
    "await resonance.close();",
    "const { known, user } = score;",
    "console.log(JSON.stringify({ known, user, rows: table.known.length, reason: flag.reason, node: process.version }));",
    "",
  ].join("\n");
  await writeFile(join(folder, "service.mjs"), script);
  const { stdout } = await run(plain, ["service.mjs", node.nats.url], { cwd: folder });
  const told = JSON.parse(stdout);
  expect(told).toMatchObject({ known: true, user: "ada", rows: 2, reason: "TARGETING_MATCH" });
  expect(Number(/^v(\d+)/.exec(told.node)?.[1])).toBeGreaterThanOrEqual(OLDEST_NODE);
});

test("its types are found by the compiler, of both entries", async () => {
  const service = [
    'import { connect, ResonanceError, type Resonance } from "resonance-map";',
    'import { type Flag, ResonanceProvider } from "resonance-map/openfeature";',
    'type Maps = { readonly taste: "jazz" | "rock" };',
    "export const resonance: Resonance<Maps> = await connect<Maps>();",
    'export const segment: "jazz" | "rock" | undefined = (await resonance.score("ada")).segments[0]?.segment;',
    'const flag: Flag = { kind: "segment", map: "taste", segment: "jazz" };',
    "export const provider = new ResonanceProvider({ flags: { jazz: flag } });",
    "export const code = (error: unknown) => (error instanceof ResonanceError ? error.code : undefined);",
    "",
  ];
  expect(await typeErrors(folder, { "service.ts": service.join("\n") })).toEqual([]);
  const wrong = [...service.slice(0, 4), 'await resonance.score("ada", { map: "tast" });', ""];
  expect(await typeErrors(folder, { "wrong.ts": wrong.join("\n") })).toHaveLength(1);
});

/** The first Node on PATH that no package brought, if it is new enough. */
async function plainNode(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, "node");
    if (folder.includes("node_modules") || !(await isThere(file))) continue;
    const { stdout } = await run(file, ["--version"]);
    return Number(/^v(\d+)/.exec(stdout)?.[1]) >= OLDEST_NODE ? file : undefined;
  }
  return undefined;
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
