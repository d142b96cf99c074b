import { expect, test } from "vitest";
import type { Event } from "../../src/events/event.ts";
import { LIMITS } from "../../src/events/limits.ts";
import { keywordHashes } from "../../src/features/keywords.ts";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { type ConsentPurpose, toBehaviour } from "../../src/gateway/to-behaviour.ts";

const base: Event = { id: "e1", user: "ada", type: "view", tsMs: 1_767_225_600_000 };

function reduce(fields: Partial<Event>) {
  const dropped: ConsentPurpose[] = [];
  const behaviour = toBehaviour(
    { ...base, ...fields },
    (purpose) => dropped.push(purpose),
    new ContextReader(),
  );
  return { behaviour, dropped };
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
  expect([...dropped].sort()).toEqual(["location", "social", "text"]);
  const refused = reduce({ ...sent, consent: { location: false, text: false, social: false } });
  expect(refused.behaviour).not.toHaveProperty("cell");
  expect(refused.dropped).toHaveLength(3);
});

test("each family needs its own consent", () => {
  const sent = { location: { lat: 48.1, lon: 11.6 }, text: "I love it", peer: "bob" };
  expect(reduce({ ...sent, consent: { location: true } })).toMatchObject({
    behaviour: { cell: "u281" },
    dropped: ["text", "social"],
  });
  expect(reduce({ ...sent, consent: { social: true } })).toMatchObject({
    behaviour: { peer: "bob" },
    dropped: ["text", "location"],
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
  expect(toBehaviour(event, () => undefined, new ContextReader())).not.toHaveProperty("keywords");
  expect(event).toEqual(before);
});
