import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readReleaseFolder } from "../../../src/cli/training/release-folder.ts";
import { decodeEncoder } from "../../../src/embedding/decode-encoder.ts";
import { FEATURES } from "../../../src/features/all-families.ts";
import { seededRandom } from "../../../src/kernel/random.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const START_MS = Date.UTC(2026, 0, 5);
vi.setConfig({ testTimeout: 120_000 }); // Commands are processes of their own.

let folder: string;
let events: string;
let users: string;

/** 300 users of two tastes, who see an item of their own taste every other time. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-files-"));
  [events, users] = [join(folder, "events.jsonl"), join(folder, "users.jsonl")];
  const random = seededRandom(1);
  const pick = (count: number) => Math.floor(random() * count);
  const lines = Array.from({ length: 300 * 6 }, (_, i) => {
    const user = i % 300;
    const item = random() < 0.5 ? `own-${user % 2}-${pick(6)}` : `any-${pick(20)}`;
    return JSON.stringify({ id: `e${i}`, user: `u${user}`, ts: START_MS + i * 1_000, type: "view", item });
  });
  const labels = Array.from({ length: 300 }, (_, user) =>
    JSON.stringify({ user: `u${user}`, labels: { taste: user % 2 === 0 ? "sweet" : "sour", odd: 1 } }),
  );
  await writeFile(events, `${lines.join("\n")}\nnot json\n`);
  await writeFile(users, labels.join("\n"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Failed = { code: number; stdout: string; stderr: string };
const run = (...options: string[]) => promisify(execFile)(process.execPath, [MAIN, ...options]);
const failureOf = async (...options: string[]): Promise<{ code: string; status: number }> => {
  const failed = await run(...options, "--json").then(
    () => undefined,
    (thrown: Failed) => thrown,
  );
  return { code: JSON.parse(failed?.stdout ?? "{}").error?.code, status: failed?.code ?? 0 };
};
const files = () => ["--events", events, "--users", users, "--map", "taste=taste"];

test("train writes an encoder that can serve, with what it was fitted on and how it compares", async () => {
  const out = join(folder, "release");
  const { stdout, stderr } = await run("train", ...files(), "--leaderboard", "--out", out, "--json");
  const told = JSON.parse(stdout);
  expect(told).toMatchObject({ kind: "linear", members: 300, events: 1_800, out });
  expect(told.leaderboards[0].rows).toHaveLength(5);
  expect(stderr).toContain("linear on all: fit");
  expect((await readdir(out)).sort()).toEqual([
    ...[
      "calibration.json",
      "distribution.json",
      "encoder.bin",
      "leaderboard.json",
      "manifest.json",
      "reference.bin",
    ],
  ]);
  const { manifest, artefact } = await readReleaseFolder(out);
  expect(decodeEncoder(artefact, FEATURES).version).toBe(told.version);
  expect(manifest.maps).toEqual([{ name: "taste", segments: ["sour", "sweet"] }]);
});

test("the same files and seed give the same encoder; a human reads a table", async () => {
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  const { stdout } = await run("train", ...files(), "--out", one, "--leaderboard");
  expect(stdout).toMatch(/naive-bayes .*\n/);
  expect(stdout).toContain(`resonance train --from ${one}`);
  await run("train", ...files(), "--out", other);
  expect(await readFile(join(other, "encoder.bin"))).toEqual(await readFile(join(one, "encoder.bin")));
});

test("what is missing or wrong is told with its code", async () => {
  expect(await failureOf("train", "--events", events)).toEqual({ code: "OPTION_MISSING", status: 1 });
  const wrong = ["--events", events, "--users", users, "--map", "odd=odd", "--out", join(folder, "none")];
  expect(await failureOf("train", ...wrong)).toEqual({ code: "NO_LABELS", status: 1 });
  const empty = ["--from", folder, "--nats", "nats://127.0.0.1:1"];
  expect(await failureOf("train", ...empty)).toEqual({ code: "RELEASE_UNREADABLE", status: 1 });
  const out = join(folder, "mixed");
  await run("train", ...files(), "--out", out);
  await writeFile(join(out, "encoder.bin"), "cut");
  expect(await failureOf("train", "--from", out)).toEqual({ code: "ARTEFACT_CORRUPT", status: 1 });
});

test("with a deployment's segments its maps and segments are taken, in its order", async () => {
  const [segments, out] = [join(folder, "segments.json"), join(folder, "defined")];
  const maps = [{ name: "taste", segments: ["sweet", "sour", "bitter"] }];
  await writeFile(segments, JSON.stringify({ maps }));
  await run("train", ...files(), "--segments", segments, "--out", out);
  expect((await readReleaseFolder(out)).manifest.maps).toEqual(maps);
  const other = ["--events", events, "--users", users, "--map", "colour=taste", "--out", out];
  expect(await failureOf("train", ...other, "--segments", segments)).toEqual({
    code: "UNKNOWN_MAP",
    status: 1,
  });
});

test("evaluate compares by the static protocol unless asked for the stream", async () => {
  const given = ["evaluate", events, users, "--map", "taste=taste"];
  const told = JSON.parse((await run(...given, "--seeds", "2", "--json")).stdout);
  expect(told).toMatchObject({ protocol: "static", seeds: [1, 2], split: "hash", refused: { NOT_JSON: 1 } });
  const [board] = told.leaderboards;
  expect(board).toMatchObject({ map: "taste", splits: 2 });
  const linear = board.rows.find(({ method }: { method: string }) => method === "linear");
  expect(linear.cells.map(({ depth }: { depth: unknown }) => depth)).toEqual([1, 5, 10, 20, 50, "all"]);
  expect(linear.cells[0].versus.logLoss).toMatchObject({ verdict: expect.any(String) });

  const { stdout: table } = await run(...given, "--seeds", "1");
  for (const line of table.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
  const { stdout: markdown } = await run(...given, "--seeds", "1", "--markdown");
  expect(markdown).toContain("| method | 1 | 5 | 10 | 20 | 50 | all | fit s | us/event |");

  const streamed = JSON.parse((await run(...given, "--protocol", "stream", "--json")).stdout);
  expect(streamed).toMatchObject({ map: "taste", encoder: { kind: "linear" } });
  const two = [...given, "--map", "other=taste", "--protocol", "stream"];
  expect(await failureOf(...two)).toEqual({ code: "ONE_MAP_ONLY", status: 1 });
});
