import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TimeSorter } from "../../../src/cli/import/time-sorter.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-sorter-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("lines come in the order of time, equals as they were added, however many are written aside", async () => {
  const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(times, fc.integer({ min: 1, max: 70 }), async (given, runLines) => {
      const lines = given.map((tsMs, i) => ({ tsMs, line: `{"place":${i}}` }));
      const sorter = new TimeSorter(folder, runLines);
      for (const { tsMs, line } of lines) await sorter.add(tsMs, line);
      const sorted = await Array.fromAsync(sorter.sorted());
      await sorter.close();
      expect(sorted).toEqual(lines.toSorted((a, b) => a.tsMs - b.tsMs).map(({ line }) => line));
    }),
    { numRuns: 60 },
  );
  expect(await readdir(folder)).toEqual([]);
});
