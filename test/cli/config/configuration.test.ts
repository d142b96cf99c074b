import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyConfiguration, type Configured } from "../../../src/cli/config/apply-configuration.ts";
import { configurationPage } from "../../../src/cli/config/configuration-page.ts";
import { nearestWord } from "../../../src/cli/config/nearest-word.ts";
import { settingsOf } from "../../../src/cli/config/node-settings.ts";
import { parseConfig } from "../../../src/cli/config/read-config-file.ts";
import { settingText } from "../../../src/cli/config/setting-text.ts";
import { withNodeOptions } from "../../../src/cli/node-command-options.ts";
import { EngineError } from "../../../src/kernel/engine-error.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const PAGE = new URL("../../../docs/configuration.md", import.meta.url);
const run = promisify(execFile);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a flag counts more than a variable, that more than the file, and that more than the default", async () => {
  const file = await aFile("weight: 2\nmoves: 2\nstandbys: 2\n");
  const env = { RESONANCE_WEIGHT: "3", RESONANCE_MOVES: "3", RESONANCE_RING: "" };
  const configured = await configure(["--config", file, "--weight", "4"], env);
  expect(inForce(configured, "weight")).toEqual([4, "flag"]);
  expect(inForce(configured, "moves")).toEqual([3, "environment"]);
  expect(inForce(configured, "standbys")).toEqual([2, "file"]);
  expect(inForce(configured, "ring")).toEqual([256, "default"]);
});

test("the file may be named by a variable, and be JSON", async () => {
  const file = await aFile('{"shards": 16, "roles": ["gateway", "shards"], "http": true, "refit": false}');
  const configured = await configure([], { RESONANCE_CONFIG: file });
  expect(inForce(configured, "shards")).toEqual([16, "file"]);
  expect(inForce(configured, "roles")).toEqual([["shards", "gateway"], "file"]);
  expect(inForce(configured, "http")).toEqual([true, "file"]);
  expect(inForce(configured, "refit")).toEqual([false, "file"]);
});

test("a switch in the environment is off when it says so", async () => {
  const configured = await configure([], { RESONANCE_NATS_TLS_FIRST: "false", RESONANCE_REFIT: "0" });
  expect(inForce(configured, "nats-tls-first")).toEqual([false, "environment"]);
  expect(inForce(configured, "refit")).toEqual([false, "environment"]);
});

test("every mistake of a file is told, with its line and column, what to do, and what was meant", () => {
  const text = "shard: 4\nroles: [shards, gatway]\nthreads: many\nname:\npublishEvery: 50\nzzz: 1\n";
  const { problems, values } = parseConfig(text, "r.yaml", nodeSettings());
  expect(values).toEqual([]);
  expect(problems.map(({ code, place }) => `${code} ${place}`)).toEqual([
    "UNKNOWN_OPTION r.yaml:1:1",
    "BAD_OPTION r.yaml:2:8",
    "BAD_OPTION r.yaml:3:10",
    "BAD_OPTION r.yaml:4:6",
    "UNKNOWN_OPTION r.yaml:5:1",
    "UNKNOWN_OPTION r.yaml:6:1",
  ]);
  expect(problems[0]?.message).toContain("did you mean shards?");
  expect(problems[4]?.message).toContain("did you mean publish-every?");
  expect(problems[5]?.message).not.toContain("did you mean");
});

test("what is no YAML, or no map, or says something twice is told by its place", () => {
  const placesOf = (text: string) =>
    parseConfig(text, "f", nodeSettings()).problems.map(({ place }) => place);
  expect(placesOf("shards: [1\nweight: 2")).toContain("f:2:1");
  expect(placesOf("- shards")).toEqual(["f:1:1"]);
  expect(placesOf("shards: 1\nshards: 2")).toEqual(["f:2:1"]);
  expect(placesOf("")).toEqual([]);
});

test("a wrong variable is told by its name, and a file that is not there by its path", async () => {
  await expect(configure([], { RESONANCE_SHARDS: "none" })).rejects.toMatchObject({
    code: "BAD_OPTION",
    message: expect.stringContaining("RESONANCE_SHARDS"),
  });
  await expect(configure(["--config", join(folder, "none.yaml")])).rejects.toThrow(EngineError);
});

test("every default, written as text, is read as itself", () => {
  for (const setting of nodeSettings()) {
    if (setting.defaultText === undefined) continue;
    const command = withNodeOptions(new Command("up"));
    const read = settingText(setting.parse(setting.defaultText), setting.shape);
    const held: unknown = command.getOptionValue(setting.key) ?? false; // A switch that nobody has set is off.
    expect(read, setting.name).toBe(settingText(held, setting.shape));
  }
});

test("no two options share a variable, and none has that of the keys themselves", () => {
  const variables = nodeSettings().map(({ variable }) => variable);
  expect(new Set(variables).size).toBe(variables.length);
  for (const secret of ["RESONANCE_HTTP_KEYS", "RESONANCE_NATS_PASSWORD", "RESONANCE_NATS_TOKEN"])
    expect(variables).not.toContain(secret);
});

test("docs/configuration.md is what `resonance config reference` prints", async () => {
  expect(await readFile(PAGE, "utf8")).toBe(configurationPage(nodeSettings()));
});

test("a word is near that has a letter swapped, missing or too many, and no other word", () => {
  const known = ["shards", "standbys", "threads"];
  for (const typo of ["shard", "shrads", "shardss", "Shards"])
    expect(nearestWord(typo, known)).toBe("shards");
  expect(nearestWord("replicas", known)).toBeUndefined();
});

test("print shows what is in force without secrets, and can be read again", async () => {
  const file = await aFile("nats: nats://bob:hush@127.0.0.1:4222\nforget-after: 90d\nrate-user: 5/20\n");
  const env = { ...process.env, RESONANCE_NATS_PASSWORD: "hush2" };
  const given = [MAIN, "config", "print", "--config", file];
  const { stdout } = await run(process.execPath, given, { env });
  expect(stdout).not.toContain("hush");
  expect(stdout).toContain("RESONANCE_NATS_PASSWORD is set");
  const { problems, values } = parseConfig(stdout, "printed", nodeSettings());
  expect(problems).toEqual([]);
  const read = new Map(values.map(({ setting, value }) => [setting.name, value]));
  expect([read.get("forget-after"), read.get("rate-user")]).toEqual([
    7_776_000_000,
    { perSecond: 5, burst: 20 },
  ]);
});

test("check also looks into the files that are named, and ends with a code", async () => {
  const segments = join(folder, "segments.json");
  await writeFile(segments, '{"maps": 3}');
  const file = await aFile(`shards: 2\nsegments: ${segments}\n`);
  const failed = await run(process.execPath, [MAIN, "config", "check", file, "--json"]).catch(
    (thrown) => thrown,
  );
  expect(failed.code).toBe(1);
  const { error } = JSON.parse(failed.stdout);
  expect(error).toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining(`${file}:2:11`) });
});

test("up with a wrong file starts nothing", async () => {
  expect(await upFails("--config", await aFile("shardz: 2\n"))).toContain("error UNKNOWN_OPTION");
});

test("a wrong flag has a code, too", async () => {
  expect(await upFails("--shards", "x")).toContain("error BAD_USAGE");
});

/** What `up` says when it ends. */
async function upFails(...given: string[]): Promise<string> {
  const env = { ...process.env, NO_COLOR: "1" };
  const up = run(process.execPath, [MAIN, "up", "--data", join(folder, "none"), ...given], { env });
  const failed = await up.catch((thrown: { stderr: string }) => thrown);
  return failed.stderr;
}

function nodeSettings() {
  return settingsOf(withNodeOptions(new Command("up")));
}

async function configure(
  flags: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<readonly Configured[]> {
  const command = withNodeOptions(new Command("up"));
  command.parseOptions([...flags]);
  return applyConfiguration(command, env);
}

function inForce(configured: readonly Configured[], name: string) {
  const found = configured.find(({ setting }) => setting.name === name);
  return [found?.value, found?.origin];
}

async function aFile(text: string): Promise<string> {
  const path = join(await mkdtemp(join(folder, "f-")), "resonance.yaml");
  await writeFile(path, text);
  return path;
}
