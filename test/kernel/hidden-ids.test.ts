import { expect, test } from "vitest";
import { hiddenIds } from "../../src/kernel/hidden-ids.ts";

test("an id is the same in all lines of a deployment, and another one in another deployment", () => {
  const [here, there] = [1, 2].map((fill) => hiddenIds(new Uint8Array(32).fill(fill), "user"));
  expect(here?.("ada")).toMatch(/^user#[0-9a-f]{8}$/);
  expect(here?.("ada")).toBe(here?.("ada"));
  expect(here?.("ada")).not.toBe(here?.("bob"));
  expect(here?.("ada")).not.toBe(there?.("ada"));
});
