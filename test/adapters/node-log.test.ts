import { expect, test } from "vitest";
import { type LogFormat, type LogLevel, nodeLog } from "../../src/adapters/node-log.ts";

/** What a log writes of three lines. */
function written(format: LogFormat, level: LogLevel): string[] {
  const lines: string[] = [];
  const report = nodeLog({ format, level }, (line) => void lines.push(line));
  report("a node began", { event: "node.began", node: "a" });
  report("a unit\nfailed", {
    event: "unit.restarting",
    level: "warn",
    node: "a",
    unit: "shard-1",
    code: "DISK_FULL",
  });
  report("it ended", { event: "node.failed", level: "error", traceId: "0af7651916cd43dd8448eb211c80319c" });
  return lines;
}

test("text is a line each, as it is", () => {
  expect(written("text", "info")).toEqual(["a node began\n", "a unit\nfailed\n", "it ended\n"]);
});

test("JSON is an object a line, with the event and what it is about, at once", () => {
  const lines = written("json", "info");
  expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  const [began, failed, ended] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(began).toEqual({
    ...{ level: "info", time: expect.stringMatching(/^\d{4}-.*Z$/), event: "node.began", node: "a" },
    msg: "a node began",
  });
  expect(failed).toMatchObject({ level: "warn", unit: "shard-1", code: "DISK_FULL", msg: "a unit\nfailed" });
  expect(ended).toMatchObject({ level: "error", traceId: "0af7651916cd43dd8448eb211c80319c" });
});

test("what is less than the level is left out, in both", () => {
  expect(written("text", "warn")).toHaveLength(2);
  expect(written("json", "warn")).toHaveLength(2);
  expect(written("json", "error")).toHaveLength(1);
});
