import { describe, expect, test } from "vitest";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { logContract } from "./log-contract.ts";
import { bytesOf, messages } from "./log-messages.ts";

const START_MS = 1_700_000_000_000;
const still: Clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

describe("a log in memory", () => {
  let nowMs = START_MS;
  const log = new MemoryLog({ nowMs: () => nowMs++, monotonicMs: () => 0 });
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

test("what is published to a subject is stored by the stream that keeps it, and echoed", async () => {
  const heard: string[] = [];
  const log = new MemoryLog(still, (subject) => heard.push(subject));
  await log.ensure("OTHER");
  await log.ensure("S", { subjects: ["things.*.>"] });
  await log.publishTo("things.a.b", "id", bytesOf("x"));
  await log.publishTo("things.a.b", "id", bytesOf("x"));
  expect(await log.bounds("S")).toEqual({ first: 1, last: 1 });
  expect(heard).toEqual(["things.a.b"]);
  await expect(log.publishTo("nowhere", "id", bytesOf("x"))).rejects.toMatchObject({
    code: "LOG_UNAVAILABLE",
  });
});
