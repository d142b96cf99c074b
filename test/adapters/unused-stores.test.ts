import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeUnusedStores } from "../../src/adapters/unused-stores.ts";

const NOW_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;

test("stores that no copy is open on go once they were not written to for long, with those set aside", () => {
  const folder = mkdtempSync(join(tmpdir(), "resonance-unused-"));
  const store = (name: string, ageMs: number): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "data.mdb"), "");
    const at = (NOW_MS - ageMs) / 1_000;
    utimesSync(join(folder, name, "data.mdb"), at, at);
  };
  store("1", 8 * DAY_MS);
  store("2", 8 * DAY_MS);
  store("2.corrupt-1", 9 * DAY_MS);
  store("3", 6 * DAY_MS);
  store("4.corrupt-2", 8 * DAY_MS);
  mkdirSync(join(folder, "5")); // Being made.
  mkdirSync(join(folder, "notes"));
  const given = { unusedMs: 7 * DAY_MS, nowMs: NOW_MS, isUsed: (name: string) => name === "2" };
  expect(removeUnusedStores(folder, given)).toEqual(["1", "4.corrupt-2"]);
  expect(readdirSync(folder).sort()).toEqual(["2", "2.corrupt-1", "3", "5", "notes"]);
  expect(removeUnusedStores(join(folder, "none"), given)).toEqual([]);
  rmSync(folder, { recursive: true });
});
