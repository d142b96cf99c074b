import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEvent } from "../../../src/events/parse-event.ts";
import { messageEvents } from "../../../src/gateway/segment-api/message-events.ts";
import { IDENTIFYING } from "../../../src/gateway/segment-api/message-traits.ts";
import { NOW_MS } from "../gateway-world.ts";
import { aFrame, aMessage, codeOf, eventsOf } from "./a-message.ts";

const at = (ms: number) => new Date(ms).toISOString();

test("a message keeps its id, is of its user, and else of its anonymous visitor", () => {
  expect(eventsOf(aMessage())).toEqual([{ id: "m1", user: "ada", type: "Signed Up", ts: NOW_MS }]);
  expect(eventsOf(aMessage({ userId: null, anonymousId: "a-1" }))[0]).toMatchObject({ user: "a-1" });
  expect(eventsOf(aMessage({ anonymousId: "a-1" }))[0]).toMatchObject({ user: "ada" });
  expect(eventsOf(aMessage({ userId: 42 }))[0]).toMatchObject({ user: "42" });
});

test("without an id of its own a message has one of its content, so that a repeat is known again", () => {
  const message = aMessage({ messageId: undefined, timestamp: at(NOW_MS - 1_000) });
  const idOf = (given: object) => eventsOf({ ...message, ...given })[0]?.["id"];
  expect(idOf({})).toBe(idOf({}));
  expect(idOf({ event: "Signed In" })).not.toBe(idOf({}));
  expect(idOf({ timestamp: at(NOW_MS - 2_000) })).not.toBe(idOf({}));
});

test("the time is put right by as much as the sender's clock is wrong, whatever it shows", () => {
  const property = fc.property(
    fc.integer({ min: -400 * 86_400_000, max: 400 * 86_400_000 }), // How wrong the clock is.
    fc.integer({ min: 0, max: 3_600_000 }), // How long ago it happened.
    (skewMs, agoMs) => {
      const message = aMessage({ timestamp: at(NOW_MS + skewMs - agoMs), sentAt: at(NOW_MS + skewMs) });
      expect(eventsOf(message)[0]?.["ts"]).toBe(NOW_MS - agoMs);
    },
  );
  fc.assert(property);
});

test("the batch's time of sending counts where the message has none, and RudderStack's name of the time", () => {
  const sentAt = at(NOW_MS + 60_000);
  expect(eventsOf(aMessage({ timestamp: at(NOW_MS) }), { sentAt })[0]?.["ts"]).toBe(NOW_MS - 60_000);
  expect(eventsOf(aMessage({ originalTimestamp: at(NOW_MS) }), { sentAt })[0]?.["ts"]).toBe(NOW_MS - 60_000);
});

test("what an export had received before is not put right again, and a time without a sending is taken as it is", () => {
  const timestamp = at(NOW_MS - 86_400_000);
  const exported = aMessage({
    timestamp,
    sentAt: at(NOW_MS - 86_300_000),
    receivedAt: at(NOW_MS - 86_300_000),
  });
  expect(eventsOf(exported)[0]?.["ts"]).toBe(NOW_MS - 86_400_000);
  expect(eventsOf(aMessage({ timestamp }))[0]?.["ts"]).toBe(NOW_MS - 86_400_000);
});

test("identify makes a member, with traits, labels by map, and nothing that names a person", () => {
  const traits = {
    ...{ email: "ada@example.com", firstName: "Ada", phone: "1", address: { city: "Wien" } },
    ...{ plan: "pro", orders: 7, isTrial: false, tags: ["a"], company: { plan: "team", deep: { x: 1 } } },
    segments: { lifecycle: "loyal", device: null },
  };
  expect(eventsOf(aMessage({ type: "identify", traits }))[0]).toEqual({
    ...{ id: "m1", user: "ada", type: "identify", ts: NOW_MS },
    traits: { plan: "pro", orders: 7, isTrial: false, "company.plan": "team" },
    segments: { lifecycle: "loyal", device: null },
  });
  const named = Object.fromEntries([...IDENTIFYING].map((name) => [name, "x"]));
  expect(eventsOf(aMessage({ type: "identify", traits: named }))[0]).not.toHaveProperty("traits");
});

test("traits of somebody without a user id are kept, and make nobody a member", () => {
  const message = aMessage({ type: "identify", userId: null, anonymousId: "a-1", traits: { plan: "pro" } });
  expect(eventsOf(message)[0]).toMatchObject({ user: "a-1", type: "consent", traits: { plan: "pro" } });
});

test("more traits than an event may have are cut, not the event", () => {
  const traits = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, i]));
  const [event] = eventsOf(aMessage({ type: "identify", traits }));
  expect(parseEvent(event, NOW_MS).kind).toBe("event");
  const [group] = eventsOf(aMessage({ type: "group", groupId: "g1", traits }));
  expect(group?.["traits"]).toMatchObject({ group: "g1", "group.t0": 0 });
  expect(parseEvent(group, NOW_MS).kind).toBe("event");
});

test("a label that is none is refused, since a typo must not leave somebody out in silence", () => {
  for (const segments of [{ life: 3 }, { life: ["a"] }, "loyal", { life: { deep: {} } }]) {
    const [event] = eventsOf(aMessage({ type: "identify", traits: { segments } }));
    expect(parseEvent(event, NOW_MS)).toMatchObject({ code: "WRONG_TYPE" });
  }
});

test("pages and screens are views: of their path, without what follows it, else of their name", () => {
  const context = { page: { path: "/shoes", url: "https://shop.example/shoes?email=ada@example.com" } };
  expect(eventsOf(aMessage({ type: "page", name: "Shoes", category: "Shop", context }))[0]).toMatchObject({
    ...{ type: "view", item: "/shoes", categories: ["Shop"] },
  });
  expect(eventsOf(aMessage({ type: "screen", name: "Basket" }))[0]).toMatchObject({
    type: "view",
    item: "Basket",
  });
});

test("an alias says that its user is somebody", () => {
  expect(eventsOf(aMessage({ type: "alias", previousId: "a-1" }))[0]).toMatchObject({
    user: "ada",
    type: "identify",
  });
  expect(codeOf(aMessage({ type: "alias", userId: null, anonymousId: "a-1" }))).toBe("MISSING_FIELD");
});

test("of a context how the visitor came is kept, and never their address or device", () => {
  const context = {
    ...{ ip: "192.0.2.1", userAgent: "Mozilla/5.0", locale: "de-AT", timezone: "Europe/Vienna" },
    page: { referrer: "https://www.google.at/search?q=shoes" },
    campaign: { source: "mail", medium: "email", name: "spring", term: "x" },
    device: { id: "d-1", advertisingId: "ad-1", type: "ios" },
    location: { country: "at", region: "Vienna", latitude: 48.2, longitude: 16.4, city: "Wien" },
  };
  const [event] = eventsOf(aMessage({ context }));
  expect(event).toMatchObject({
    location: { lat: 48.2, lon: 16.4 },
    context: {
      ...{ referrer: "https://www.google.at/search?q=shoes", userAgent: "Mozilla/5.0", language: "de-AT" },
      ...{ zone: "Europe/Vienna", utm_source: "mail", utm_medium: "email", utm_campaign: "spring" },
      country: "AT",
    },
  });
  expect(JSON.stringify(event)).not.toMatch(/192\.0|d-1|ad-1|Wien/);
  const app = { os: { name: "Android" }, device: { type: "android" } };
  expect(eventsOf(aMessage({ context: app }))[0]?.["context"]).toEqual({ device: "mobile", os: "android" });
});

test("answers to consent are told by purpose, a no before a yes, in Segment's words and RudderStack's", () => {
  const categories = { advertising: "personalisation", marketing: "personalisation", analytics: "analytics" };
  const consentOf = (context: unknown) => eventsOf(aMessage({ context }), { categories })[0]?.["consent"];
  const preferences = { Advertising: true, Marketing: false, Analytics: true, Other: false };
  expect(consentOf({ consent: { categoryPreferences: preferences } })).toEqual({
    personalisation: false,
    analytics: true,
  });
  const rudder = { allowedConsentIds: ["Analytics"], deniedConsentIds: ["Advertising"] };
  expect(consentOf({ consentManagement: rudder })).toEqual({ analytics: true, personalisation: false });
  expect(consentOf({ consent: { categoryPreferences: { Other: false } } })).toBeUndefined();
});

test("a category that is called as a purpose needs no table", () => {
  const context = { consent: { categoryPreferences: { Personalization: true, Location: false } } };
  expect(eventsOf(aMessage({ context }))[0]?.["consent"]).toEqual({ personalisation: true, location: false });
});

test("integrations say whom a message is for", () => {
  const forUs = [
    {},
    { All: true },
    { All: false, Resonance: true },
    { All: false, "Segment.io": {} },
    { Other: false },
  ];
  const notForUs = [{ All: false }, { Resonance: false }, { All: true, "Segment.io": false }];
  for (const integrations of forUs) expect(codeOf(aMessage({ integrations }))).toBeUndefined();
  for (const integrations of notForUs) expect(codeOf(aMessage({ integrations }))).toBe("NOT_FOR_US");
  expect(codeOf(aMessage(), { integrations: { All: false } })).toBe("NOT_FOR_US");
});

test("what every event needs is refused with a code if it is missing", () => {
  expect(codeOf("text")).toBe("NOT_AN_OBJECT");
  expect(codeOf(aMessage({ type: "click" }))).toBe("WRONG_TYPE");
  expect(codeOf(aMessage({ userId: "" }))).toBe("MISSING_FIELD");
  expect(codeOf(aMessage({ event: "" }))).toBe("MISSING_FIELD");
  const [late] = eventsOf(aMessage({ timestamp: "yesterday" }));
  expect(parseEvent({ ...late, ts: Number.NaN }, NOW_MS)).toMatchObject({ code: "BAD_TIMESTAMP" });
});

test("whatever is sent, nothing is thrown, and every event is one or is refused with a code", () => {
  const key = fc.constantFrom(
    ...["type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "properties", "traits"],
    ...["context", "integrations", "products", "page", "segments", "consent", "__proto__", "location"],
  );
  const anything = fc.anything({ key: fc.oneof(key, fc.string({ maxLength: 5 })), maxDepth: 5 });
  const message = fc.record(
    {
      type: fc.constantFrom("track", "page", "screen", "identify", "group", "alias", 7),
      event: fc.oneof(fc.constantFrom("Order Completed", "Product Viewed"), anything),
      userId: fc.oneof(fc.constant("ada"), anything),
      properties: fc.oneof(fc.record({ products: fc.array(anything) }), anything),
      ...{ traits: anything, context: anything, timestamp: anything, sentAt: anything, messageId: anything },
    },
    { requiredKeys: [] },
  );
  const property = fc.property(message, (given) => {
    const read = messageEvents(given, aFrame());
    if (read.kind === "events") for (const event of read.events) parseEvent(event, NOW_MS);
  });
  fc.assert(property, { numRuns: 500 });
});
