import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aMeasurement, aResult } from "./a-result.ts";

const run = promisify(execFile);
const main = fileURLToPath(new URL("../../bench/compare.ts", import.meta.url));
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-compare-"));
  path = join(folder, "result.json");
  await writeFile(path, JSON.stringify(aResult({ results: [aMeasurement()] })));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("the command prints a table, or one JSON object, and writes a page where it is told to", async () => {
  const html = join(folder, "page.html");
  const table = await run(process.execPath, [main, path, path, "--html", html]);
  expect(table.stdout).toContain("within the noise");
  expect(await readFile(html, "utf8")).toMatch(/^<!doctype html>/);
  const { stdout } = await run(process.execPath, [main, path, path, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ sameMachine: true, figures: [{ verdict: "within the noise" }] });
});

test("a file that is not there ends it with its code and status 1", async () => {
  const asked = run(process.execPath, [main, path, join(folder, "none.json"), "--json"]);
  const failed = await asked.then(
    () => undefined,
    (thrown: { code: number; stdout: string; stderr: string }) => thrown,
  );
  expect(failed?.code).toBe(1);
  expect(JSON.parse(failed?.stdout ?? "")).toMatchObject({ error: { code: "BENCH_RESULT_UNREADABLE" } });
  expect(failed?.stderr).toContain("BENCH_RESULT_UNREADABLE");
});
