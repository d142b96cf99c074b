import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileCheckpoints } from "../../src/adapters/file-checkpoints.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-checkpoints-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the newest state is kept, and whole", async () => {
  const file = fileCheckpoints(join(folder, "training", "gru.checkpoint"));
  expect(await file.load()).toBeUndefined();
  await file.save(Uint8Array.of(1, 2));
  await file.save(Uint8Array.of(3));
  expect(await file.load()).toEqual(Uint8Array.of(3));
  expect(await readdir(join(folder, "training"))).toEqual(["gru.checkpoint"]);
});
