import { expect, test } from "vitest";
import { readSources } from "../source-text.ts";
import { documentedEvents } from "./documented-events.ts";

test("operations.md lists every event of a log line, and no other", () => {
  const used = readSources("src").flatMap(({ source }) =>
    [...source.matchAll(/\bevent: "([a-z-]+\.[a-z-]+)"/g)].map((match) => match[1]),
  );
  expect([...new Set(documentedEvents())].sort()).toEqual([...new Set(used)].sort());
});
