import { expect, test } from "vitest";
import { social } from "../../src/features/social.ts";
import { aFeatureEvent, codeOf, DAY_MS, HOUR_MS, readAfter, START_MS } from "./some-events.ts";

test("each kind reads its own rate a day", () => {
  const hours = Array.from({ length: 24 * 10 }, (_, hour) => START_MS + hour * HOUR_MS);
  const reading = readAfter(
    social,
    hours.map((tsMs) => aFeatureEvent({ typeCode: codeOf("message"), tsMs })),
  );
  expect(Math.expm1(reading["message_per_day"] ?? 0)).toBeCloseTo(24, 0);
  expect(reading["share_per_day"]).toBe(0);
});

test("a view, and a type that is not known by name, is not social", () => {
  const events = [aFeatureEvent(), aFeatureEvent({ typeCode: -1 })];
  for (const value of Object.values(readAfter(social, events))) expect(value).toBe(0);
});

test("who falls silent has half the rate a day later", () => {
  const events = [aFeatureEvent({ typeCode: codeOf("like") })];
  const [now, later] = [0, 1].map((day) =>
    Math.expm1(readAfter(social, events, START_MS + day * DAY_MS)["like_per_day"] ?? 0),
  );
  expect(now).toBeCloseTo(Math.LN2, 9);
  expect(later).toBeCloseTo(Math.LN2 / 2, 9);
});
