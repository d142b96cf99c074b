import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { START_MS } from "../shards/a-shard.ts";

const random = seededRandom(11);
const shop = shopSimulator({ seed: 11, visitors: 40, startMs: START_MS });
/** What visitors of a shop send. */
const shopEvents = Array.from({ length: 60 }, () => ({ ...toWire(shop.next()) }));

/** An event with every field that there is. */
export const FULL_EVENT = {
  id: "e-1",
  user: "ada",
  type: "purchase",
  ts: START_MS + 1_000,
  item: "sku-42",
  categories: ["shoes", "sport"],
  query: "red shoes",
  text: "I love these 👟",
  value: 89.9,
  currency: "EUR",
  peer: "bob",
  location: { lat: 48.14, lon: 11.58 },
  context: {
    referrer: "https://www.google.com/search?q=shoes&utm_campaign=spring",
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    page: "https://shop.example/?utm_source=mail&utm_medium=email",
    zone: "Europe/Berlin",
    utcOffset: "60",
    language: "de-CH,de;q=0.9",
    country: "DE",
  },
  traits: { orders: 7, vip: true, name: "Ada" },
  segments: { life: "loyal" },
  consent: { location: true, social: true, text: true, personalisation: true },
};

const event = FULL_EVENT;
const some = (count: number) =>
  Array.from({ length: count }, () => shopEvents[Math.floor(random() * shopEvents.length)]);

const CONDITION = {
  and: [
    { trait: "orders", range: { min: 5 } },
    { or: [{ trait: "name", equals: "Ada" }, { not: { trait: "vip", equals: true } }] },
  ],
};

/** Valid requests, by endpoint, as values. */
export const RECORDED: Readonly<Record<string, readonly unknown[]>> = {
  ingest: [
    event,
    { ...event, ts: "2026-01-05T10:00:00.123+01:00" },
    { id: "c1", user: "ada", type: "consent", ts: START_MS, consent: { text: false, location: false } },
    {
      id: "i1",
      user: "ada",
      type: "identify",
      ts: START_MS,
      segments: { life: null },
      traits: { orders: 1 },
    },
    { events: some(3) },
    { events: [...some(20), event] },
    ...shopEvents.slice(0, 20),
  ],
  score: [
    { user: "ada" },
    { user: "eve", map: "life", top: 1 },
    { user: "bob", context: { referrer: "https://news.example/", device: "mobile" } },
    {
      user: "ada",
      atLeast: [
        { shard: 0, sequence: 1 },
        { shard: 1, sequence: 0 },
      ],
    },
    { user: "ada", explain: true },
  ],
  "score.batch": [
    { users: ["ada", "bob", "eve"] },
    { users: ["ada", "bob"], top: 2, map: "life" },
    { users: ["ada", "eve"], format: "columns", fields: ["similarities", "resonating"] },
  ],
  "score.session": [
    { events: [event] },
    { events: some(5), context: { country: "DE", hour: "14" }, map: "life", top: 1 },
    { events: [], token: false },
  ],
  explain: [
    { user: "ada", map: "life", segments: ["new"] },
    { decision: "d1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
  ],
  content: [{ user: "ada", placement: "home" }],
  profiles: [{}, { map: "life" }],
  status: [{}],
  "segments.put": [
    { maps: [{ name: "life", segments: ["new", "loyal"] }] },
    {
      maps: [
        {
          name: "life",
          mode: "exclusive",
          segments: [{ name: "new" }, { name: "loyal", rule: { trait: "orders", range: { min: 5 } } }],
          window: { bucket: "1d", buckets: 30 },
          threshold: { enter: 0.5, minEvidence: 1 },
          prior: "traffic",
        },
        {
          name: "taste",
          mode: "independent",
          segments: [{ name: "sport", rule: CONDITION, threshold: { precision: 0.9, confidence: 0.95 } }],
        },
      ],
    },
  ],
  "segments.get": [{}],
  "privacy.get": [{}],
  "privacy.put": [
    {
      purposes: { analytics: "opt-in", purchases: "opt-out" },
      families: { commerce: "purchases" },
      regions: { eu: { countries: ["AT", "DE"], purposes: { personalisation: "opt-in" } } },
      location: { epsilon: 2, cells: ["u28", "u33", "u0"] },
    },
  ],
  "content.put": [
    {
      placements: [{ name: "home", map: "life", policy: "mixture", floor: 0.02, timeout: "30m" }],
      items: [
        { id: "welcome", placements: ["home"] },
        {
          id: "spring sale",
          placements: ["home"],
          eligible: { not: { trait: "minor", equals: true } },
          from: "2026-01-01T00:00:00Z",
          until: "2026-06-01T00:00:00Z",
          cap: { impressions: 3, per: "1d" },
        },
      ],
    },
  ],
  "experiments.define": [
    {
      name: "first",
      placement: "home",
      arms: [
        { name: "control", policy: "overall" },
        { name: "personal", policy: "mixture" },
      ],
      primary: { event: "click", measure: "converted", atPlacement: true },
      guardrails: [{ event: "dismiss", measure: "count", goal: "decrease", harmMax: 0.1 }],
      plannedUnits: 20_000,
    },
  ],
};
