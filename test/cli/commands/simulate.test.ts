import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const simulate = (...options: string[]) =>
  promisify(execFile)(process.execPath, ["src/cli/main.ts", "simulate", ...options]);
const SMALL = ["--users", "60", "--rounds", "3", "--seeds", "2"];

test("one JSON object on standard output holds every policy by round, and the same again for the same seeds", async () => {
  const run = async (): Promise<string> =>
    (await simulate("--json", ...SMALL, "--policy", "mixture,greedy")).stdout;
  const [one, other] = await Promise.all([run(), run()]);
  expect(one).toBe(other);
  const { seeds, policies, oracle } = JSON.parse(one);
  expect(seeds).toEqual([1, 2]);
  expect(policies.map((report: { policy: string }) => report.policy)).toEqual(["mixture", "greedy"]);
  expect(policies[0].clickRates).toHaveLength(3);
  expect(policies[1].behindFirst.worldsAhead).toBeTypeOf("number");
  expect(oracle.clickRate).toBeGreaterThan(policies[0].clickRate);
});

test("for people it draws a table, the click rate by round, and what the posterior knows", async () => {
  const { stdout } = await simulate(...SMALL);
  for (const text of ["mixture", "popularity", "oracle", "click rate by round", "with feedback"])
    expect(stdout).toContain(text);
});

test("what can't be simulated is refused with what to do", async () => {
  const refused = (...options: string[]) =>
    simulate(...options).catch((error: { stderr: string }) => error.stderr);
  expect(await refused("--policy", "best")).toContain("mixture, greedy");
  expect(await refused("--segments", "1")).toContain("at least 2");
  expect(await refused("--members", "1", ...SMALL)).toContain("NOBODY_TO_MEASURE");
});
