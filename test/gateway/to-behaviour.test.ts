import { expect, test } from "vitest";
import type { Event } from "../../src/events/event.ts";
import { LIMITS } from "../../src/events/limits.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { keywordHashes } from "../../src/features/keywords.ts";
import { type ConsentInForce, DEFAULT_CONSENT } from "../../src/gateway/consent-policy.ts";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { toBehaviour } from "../../src/gateway/to-behaviour.ts";
import { ConsentRules } from "../../src/privacy/consent/consent-rules.ts";
import { parsePolicy } from "../../src/privacy/consent/parse-policy.ts";
import { PermanentCells } from "../../src/privacy/location/permanent-cells.ts";

const base: Event = { id: "e1", user: "ada", type: "view", tsMs: 1_767_225_600_000 };

const NOTHING: Behaviour = { kind: "behaviour", id: "", user: "", type: "", tsMs: 0 };

function reduceUnder(consent: ConsentInForce, fields: Partial<Event>) {
  const dropped: string[] = [];
  const behaviour = toBehaviour(
    { ...base, ...fields },
    consent,
    (purpose, reason) => dropped.push(`${purpose}.${reason}`),
    new ContextReader(),
  );
  return { behaviour, dropped };
}

function reduce(fields: Partial<Event>) {
  const { behaviour = NOTHING, dropped } = reduceUnder(DEFAULT_CONSENT, fields);
  return { behaviour, dropped };
}

/** What a policy's file puts in force. */
function underPolicy(file: unknown): ConsentInForce {
  const parsed = parsePolicy(file);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  const policy = { version: 1, ...parsed.policy };
  const { location } = policy;
  const cells = location === undefined ? undefined : new PermanentCells(location, new Uint8Array(32));
  return { rules: new ConsentRules(policy), cells };
}

test("what needs no consent is kept as it was sent", () => {
  const fields = {
    item: "sku",
    categories: ["shoes"],
    value: 5,
    currency: "EUR",
    context: { device: "mobile" },
    traits: { orders: 1 },
    segments: { life: null },
    decision: "d1",
  };
  expect(reduce(fields)).toEqual({ behaviour: { kind: "behaviour", ...base, ...fields }, dropped: [] });
});

test("without consent in the event itself, location, text and peer are dropped and counted", () => {
  const sent = { location: { lat: 48.1, lon: 11.6 }, text: "I love it", peer: "bob" };
  const { behaviour, dropped } = reduce(sent);
  expect(behaviour).toEqual({ kind: "behaviour", ...base });
  expect([...dropped].sort()).toEqual(["location.not-given", "social.not-given", "text.not-given"]);
  const refused = reduce({ ...sent, consent: { location: false, text: false, social: false } });
  expect(refused.behaviour).not.toHaveProperty("cell");
  expect([...refused.dropped].sort()).toEqual(["location.refused", "social.refused", "text.refused"]);
});

test("each family needs its own consent", () => {
  const sent = { location: { lat: 48.1, lon: 11.6 }, text: "I love it", peer: "bob" };
  expect(reduce({ ...sent, consent: { location: true } })).toMatchObject({
    behaviour: { cell: "u281" },
    dropped: ["text.not-given", "social.not-given"],
  });
  expect(reduce({ ...sent, consent: { social: true } })).toMatchObject({
    behaviour: { peer: "bob" },
    dropped: ["text.not-given", "location.not-given"],
  });
  const { behaviour } = reduce({ ...sent, consent: { text: true } });
  expect(behaviour.sentiment).toBeGreaterThan(0);
  expect(behaviour.keywords).toEqual(keywordHashes("I love it", LIMITS.keywords));
});

test("neither query, nor text, nor coordinates are in what will be stored", () => {
  const { behaviour } = reduce({
    query: "secretword",
    text: "hiddenword",
    location: { lat: 48.137154, lon: 11.576124 },
    consent: { text: true, location: true },
  });
  const written = JSON.stringify(behaviour);
  for (const trace of ["secretword", "hiddenword", "48.1", "11.5", '"query"', '"text":"', 'location":{'])
    expect(written).not.toContain(trace);
  expect(behaviour.cell).toHaveLength(4);
});

test("query and text share one limit of distinct keywords, the query's first", () => {
  const words = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`).join(" ");
  const { behaviour } = reduce({
    query: words("q", 20),
    text: `q3 ${words("t", 40)}`,
    consent: { text: true },
  });
  expect(behaviour.keywords).toHaveLength(LIMITS.keywords);
  expect(behaviour.keywords?.slice(0, 20)).toEqual(keywordHashes(words("q", 20), LIMITS.keywords));
  expect(new Set(behaviour.keywords).size).toBe(LIMITS.keywords);
});

test("a text without words leaves no keywords, and the event is not changed", () => {
  const event: Event = { ...base, query: "?!", text: "…", consent: { text: true } };
  const before = structuredClone(event);
  expect(toBehaviour(event, DEFAULT_CONSENT, () => undefined, new ContextReader())).not.toHaveProperty(
    "keywords",
  );
  expect(event).toEqual(before);
});

test("words of a search need no consent, and go with a no to text", () => {
  expect(reduce({ query: "red shoes" })).toMatchObject({
    behaviour: { keywords: expect.anything() },
    dropped: [],
  });
  const { behaviour, dropped } = reduce({ query: "red shoes", consent: { text: false } });
  expect(behaviour).not.toHaveProperty("keywords");
  expect(dropped).toEqual(["text.refused"]);
});

test("of whom nothing personal may be kept only what they answered is, and where", () => {
  const sent = {
    type: "purchase",
    item: "sku",
    categories: ["shoes"],
    value: 5,
    traits: { orders: 3 },
    segments: { life: "new" },
    decision: "d1",
    peer: "bob",
    context: { referrer: "https://a.example/secret", country: "DE" },
    consent: { personalisation: false, social: true },
  };
  expect(reduce(sent)).toEqual({
    behaviour: {
      ...{ kind: "behaviour", id: "e1", user: "ada", type: "consent", tsMs: base.tsMs },
      ...{ context: { country: "DE" }, consent: { personalisation: false, social: true } },
    },
    dropped: ["personalisation.refused"],
  });
  expect(reduce({ ...sent, type: "identify" }).behaviour.type).toBe("identify"); // Who refuses has said who they are.
});

test("where a yes is needed first, an event without it is not stored at all", () => {
  const eu = underPolicy({ regions: { eu: { countries: ["de"], purposes: { personalisation: "opt-in" } } } });
  const at = (country: string, more: Partial<Event> = {}) =>
    reduceUnder(eu, { item: "sku", context: { country }, ...more });
  expect(at("DE")).toEqual({ behaviour: undefined, dropped: ["personalisation.not-given"] });
  expect(at("DE", { consent: { personalisation: true } }).behaviour).toMatchObject({ item: "sku" });
  expect(at("us").behaviour).toMatchObject({ item: "sku" });
  expect(reduceUnder(eu, { item: "sku" }).behaviour).toBeUndefined(); // Nobody knows where: the strictest holds.
  expect(at("Germany").behaviour).toBeUndefined(); // No code of a country.
});

test("a family that a policy gives a purpose of its own takes its inputs with it", () => {
  const strict = underPolicy({
    purposes: { purchases: "opt-in", origin: "opt-in", interests: "opt-in", hours: "opt-in" },
    families: { commerce: "purchases", context: "origin", content: "interests", rhythm: "hours" },
  });
  const sent = {
    categories: ["shoes"],
    query: "red shoes",
    value: 5,
    currency: "EUR",
    context: { device: "mobile", country: "DE", utcOffset: "60" },
  };
  const none = reduceUnder(strict, sent);
  expect(none.behaviour).toEqual({ kind: "behaviour", ...base, context: { country: "DE" } });
  expect([...none.dropped].sort()).toEqual([
    "interests.not-given", // The categories, and the words of the query.
    "interests.not-given",
    "origin.not-given",
    "purchases.not-given",
  ]);
  const given = { purchases: true, origin: true, interests: true };
  const all = reduceUnder(strict, { ...sent, consent: given });
  expect(all.behaviour).toMatchObject({ categories: ["shoes"], value: 5, context: { device: "mobile" } });
  expect(all.behaviour?.context).not.toHaveProperty("utcOffset");
});

test("under local privacy the cell that is stored is one of the policy's, the same for the same place", () => {
  const noisy = underPolicy({ location: { epsilon: 1, cells: ["u281", "u33", "u0"] } });
  const at = (lat: number, user: string) =>
    reduceUnder(noisy, { user, location: { lat, lon: 11.6 }, consent: { location: true } }).behaviour?.cell;
  const cells = Array.from({ length: 200 }, (_, i) => at(48.1, `user-${i}`));
  expect(new Set(cells)).toEqual(new Set(["u281", "u33", "u0", "a"])); // The last one is elsewhere.
  expect(at(48.1, "user-7")).toBe(cells[7]);
});
