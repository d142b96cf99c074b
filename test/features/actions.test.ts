import { expect, test } from "vitest";
import { actions } from "../../src/features/actions.ts";
import { aFeatureEvent, codeOf, DAY_MS, readAfter, START_MS } from "./some-events.ts";

test("a share is the decayed part of all events", () => {
  const reading = readAfter(actions, [
    aFeatureEvent({ typeCode: codeOf("click") }),
    aFeatureEvent({ typeCode: codeOf("view"), tsMs: START_MS + 14 * DAY_MS }),
  ]);
  expect(reading["click"]).toBeCloseTo(1 / 3, 9);
  expect(reading["view"]).toBeCloseTo(2 / 3, 9);
});

test("types that are not known by name share one place", () => {
  expect(readAfter(actions, [aFeatureEvent({ typeCode: -1 })])["other"]).toBe(1);
});
