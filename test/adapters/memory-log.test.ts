import { describe, expect, test } from "vitest";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { bytesOf, logContract, messages } from "./log.contract.ts";

const START_MS = 1_700_000_000_000;
const still: Clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

describe("a log in memory", () => {
  const log = new MemoryLog(still);
  logContract(() => log);
});

test("a message that names a subject is echoed to those who listen, once", async () => {
  const heard: string[] = [];
  const log = new MemoryLog(still, (subject, data) => heard.push(`${subject} ${data.length}`));
  await log.ensure("S");
  const message = { id: "a", data: bytesOf("four"), subject: "some.subject" };
  await log.append("S", [message, message, { id: "b", data: bytesOf("x") }]);
  expect(heard).toEqual(["some.subject 4"]);
});

test("a repeat after the duplicate window is stored again", async () => {
  let nowMs = START_MS;
  const log = new MemoryLog({ nowMs: () => nowMs, monotonicMs: () => 0 });
  await log.ensure("S");
  await log.append("S", messages(1));
  nowMs += 120_000;
  expect(await log.append("S", messages(1))).toEqual([2]);
});
