import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRecording } from "../../../src/cli/recording/read-recording.ts";
import { arrivalOf } from "../../../src/features/arrival.ts";

let folder: string;
let files: { eventsPath: string; usersPath: string; maps: { name: string; label: string }[] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-recording-"));
  files = {
    eventsPath: join(folder, "events.jsonl"),
    usersPath: join(folder, "users.jsonl"),
    maps: [{ name: "taste", label: "taste" }],
  };
  const event = (id: string, user: string, context?: object) => ({
    id,
    user,
    type: "view",
    ts: 1e12,
    item: "a",
    context,
  });
  const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
  await writeFile(
    files.eventsPath,
    lines([
      event("1", "ada", { referrer: "https://www.google.com/search?q=jazz" }),
      event("2", "ada", { referrer: "newsletter" }),
      event("3", "bob"),
    ]),
  );
  await writeFile(
    files.usersPath,
    lines([
      { user: "ada", labels: { taste: "jazz", system: 17 } },
      { user: "bob", labels: { taste: "rock", system: 3 } },
    ]),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const arrivals = async (context: readonly { field: "os"; label: string }[]) =>
  (await readRecording({ ...files, context }, () => {})).histories.map(({ arrival }) => arrival);

test("how users came is told by the contexts of their first events", async () => {
  expect(await arrivals([])).toEqual([arrivalOf({ referrer: "google.com", medium: "search" }), undefined]);
});

test("or by labels that are named", async () => {
  const context = [{ field: "os", label: "system" }] as const;
  expect(await arrivals(context)).toEqual([arrivalOf({ os: "17" }), arrivalOf({ os: "3" })]);
});

test("a label that tells the segments is no context", async () => {
  await expect(arrivals([{ field: "os", label: "taste" }])).rejects.toMatchObject({
    code: "CONTEXT_IS_LABEL",
  });
});
