import { expect, test } from "vitest";
import { parseEvent } from "../../../src/events/parse-event.ts";
import { ENDPOINT_ROLES } from "../../../src/events/roles.ts";
import { SUBJECTS } from "./public-subjects.ts";

test("each public endpoint is described, and no other", () => {
  expect(Object.keys(SUBJECTS).sort()).toEqual(Object.keys(ENDPOINT_ROLES).sort());
});

test.for([
  ["id", "x".repeat(128), "x".repeat(129)],
  ["type", "x".repeat(64), "x".repeat(65)],
  ["text", "x".repeat(1_024), "x".repeat(1_025)],
  ["currency", "x".repeat(8), "x".repeat(9)],
  ["categories", Array(32).fill("x"), Array(33).fill("x")],
  ["location", { lat: 90, lon: 180 }, { lat: 91, lon: 0 }],
  ["segments", { map: "x".repeat(64) }, { map: "x".repeat(65) }],
] as const)("the limit that is told of %s is the one that holds", ([field, within, beyond]) => {
  const parsed = (value: unknown) =>
    parseEvent({ id: "a", user: "b", type: "view", ts: 1e12, [field]: value }, 2e12).kind;
  expect(parsed(within)).toBe("event");
  expect(parsed(beyond)).not.toBe("event");
});
