import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/security.md"), "utf8");

test("every test that the threat model names is there", () => {
  const named = [...page.matchAll(/`(test\/[a-z0-9/.-]+\.ts)`/g)].map(([, file]) => file ?? "");
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("every component has its threats", () => {
  const components = [...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
  for (const name of ["Gateway over NATS", "HTTP intake", "Log (JetStream)", "Shard", "Profiles", "Console"])
    expect(components).toContain(name);
});
