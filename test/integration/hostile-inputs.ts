import { encode } from "../../src/kernel/msgpack.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";

/** A hostile request: its bytes, how they say they are encoded, and the good events that ride along. */
export type HostileRequest = Readonly<{
  data: Uint8Array;
  contentType: string;
  neighbours: number;
  events: number;
}>;

const text = new TextEncoder();
const NOW = Date.UTC(2026, 5, 1);
let serial = 0;

/** An event that must be accepted, whatever its neighbours are. */
export function goodEvent(random: Random): Record<string, unknown> {
  serial++;
  return {
    id: `good-${serial}`,
    user: `user-${Math.floor(random() * 50)}`,
    type: "view",
    ts: NOW + serial,
    item: "x",
  };
}

/** Ways to spoil an event. Each must be refused with a documented code. */
const SPOILERS: readonly ((event: Record<string, unknown>, random: Random) => unknown)[] = [
  () => null,
  () => 42,
  () => "event",
  () => [],
  () => [[[[[[]]]]]],
  () => ({}),
  ({ id: _, ...rest }) => rest,
  ({ user: _, ...rest }) => rest,
  ({ type: _, ...rest }) => rest,
  ({ ts: _, ...rest }) => rest,
  (event) => ({ ...event, id: 7 }),
  (event) => ({ ...event, id: "" }),
  (event) => ({ ...event, id: "x".repeat(129) }),
  (event) => ({ ...event, user: "a\u0000b" }),
  (event) => ({ ...event, user: "\u0007bell" }),
  (event) => ({ ...event, user: { toString: "evil" } }),
  (event) => ({ ...event, type: "" }),
  (event) => ({ ...event, type: "t".repeat(1_000) }),
  (event) => ({ ...event, ts: "yesterday" }),
  (event) => ({ ...event, ts: -1 }),
  (event) => ({ ...event, ts: 1e308 }),
  (event) => ({ ...event, ts: "9999-12-31T23:59:59Z" }),
  (event) => ({ ...event, ts: 1_700_000_000 }),
  (event) => ({ ...event, ts: null }),
  (event) => ({ ...event, ts: true }),
  (event) => ({ ...event, value: "12" }),
  (event) => ({ ...event, value: null }),
  (event) => ({ ...event, categories: "shoes" }),
  (event) => ({ ...event, categories: Array.from({ length: 33 }, () => "c") }),
  (event) => ({ ...event, categories: [1, 2] }),
  (event) => ({ ...event, categories: ["c".repeat(1_025)] }),
  (event) => ({ ...event, query: "q".repeat(1_025) }),
  (event) => ({ ...event, text: { deep: { deeper: {} } } }),
  (event) => ({ ...event, location: { lat: 91, lon: 0 } }),
  (event) => ({ ...event, location: { lat: 1 } }),
  (event) => ({ ...event, location: { lat: 1, lon: 2, alt: 3 } }),
  (event) => ({ ...event, location: "here" }),
  (event) => ({ ...event, context: { referrer: 1 } }),
  (event) => ({
    ...event,
    context: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, "v"])),
  }),
  (event) => ({ ...event, traits: { nested: { a: 1 } } }),
  (event) => ({ ...event, traits: { list: [1] } }),
  (event) => ({ ...event, traits: JSON.parse('{"__proto__": {"admin": true}}') }),
  (event) => ({ ...event, traits: { constructor: "x" } }),
  (event) => ({ ...event, segments: { "no blanks": "a" } }),
  (event) => ({ ...event, segments: { map: 3 } }),
  (event) => ({ ...event, consent: { location: "yes" } }),
  (event) => ({ ...event, unknown: 1 }),
  (event) => JSON.parse(`${JSON.stringify(event).slice(0, -1)},"__proto__":{"polluted":true}}`),
  (event) => ({
    ...event,
    categories: Array.from({ length: 32 }, (_, i) => `${i}${"\u20ac".repeat(300)}`),
  }),
];

/** Requests that are broken as a whole. */
const BROKEN: readonly ((random: Random) => Omit<HostileRequest, "neighbours" | "events">)[] = [
  () => ({ data: text.encode("{"), contentType: "" }),
  () => ({ data: text.encode("nonsense"), contentType: "application/json" }),
  () => ({ data: text.encode('{"a":NaN}'), contentType: "" }),
  () => ({ data: Uint8Array.of(0xff, 0xfe, 0x22), contentType: "" }),
  () => ({ data: Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d), contentType: "" }),
  () => ({ data: text.encode("[".repeat(50_000)), contentType: "" }),
  () => ({ data: text.encode("[".repeat(50_000) + "]".repeat(50_000)), contentType: "" }),
  () => ({ data: text.encode('{"events":{}}'), contentType: "" }),
  () => ({
    data: text.encode(JSON.stringify({ events: Array.from({ length: 1_001 }, () => 1) })),
    contentType: "",
  }),
  () => ({ data: text.encode('{"events":[],"extra":1}'), contentType: "" }),
  () => ({ data: text.encode("{}"), contentType: "text/html" }),
  () => ({ data: text.encode("{}"), contentType: "application/x-java-serialized-object" }),
  () => ({ data: Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0xdf, 0x7f, 0xff, 0xff, 0xff, 0x01), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0xc1), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0xc7, 0x05, 0x65, 1, 2, 3, 4, 5), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0xd6, 0xff, 0, 0, 0, 0), contentType: "application/msgpack" }),
  () => ({ data: Uint8Array.of(0x01, 0x01), contentType: "application/msgpack" }),
  () => ({ data: new Uint8Array(10_000).fill(0x91), contentType: "application/msgpack" }),
  (random) => ({
    data: encode({ events: [goodEvent(random)] }).subarray(0, 5 + Math.floor(random() * 20)),
    contentType: "application/msgpack",
  }),
  (random) => ({
    data: Uint8Array.from({ length: 1 + Math.floor(random() * 200) }, () => Math.floor(random() * 256)),
    contentType: "application/msgpack",
  }),
];

/** Spoiled events as `{events}` with good neighbours between them, in JSON or MessagePack. */
export function spoiledBatch(random: Random, size: number): HostileRequest {
  const events: unknown[] = [];
  let neighbours = 0;
  for (let i = 0; i < size; i++) {
    const spoil = SPOILERS[Math.floor(random() * SPOILERS.length)];
    events.push(spoil?.(goodEvent(random), random));
    if (random() < 0.3) {
      events.push(goodEvent(random));
      neighbours++;
    }
  }
  const packed = random() < 0.5;
  const data = packed ? encode({ events }) : text.encode(JSON.stringify({ events }));
  return {
    data,
    contentType: packed ? "application/msgpack" : "application/json",
    neighbours,
    events: events.length,
  };
}

/** A request that no endpoint can read. */
export function brokenRequest(random: Random): HostileRequest {
  const broken = BROKEN[Math.floor(random() * BROKEN.length)]?.(random);
  return { data: new Uint8Array(), contentType: "", ...broken, neighbours: 0, events: 0 };
}

/** Bodies that `score` must refuse. */
export function hostileQuestion(random: Random): HostileRequest {
  const bodies: readonly unknown[] = [
    null,
    [],
    7,
    {},
    { user: 1 },
    { user: "" },
    { user: "x".repeat(200) },
    { user: "a\nb" },
    { user: "u", map: 3 },
    { user: "u", map: "../etc" },
    { user: "u", map: "not-defined" },
    { user: "u", atLeast: "now" },
    { user: "u", atLeast: { shard: 1.5, sequence: 1 } },
    { user: "u", atLeast: { shard: 0, sequence: -1 } },
    { user: "u", atLeast: [{ shard: 0, sequence: 1, extra: 1 }] },
    { user: "u", surplus: true },
    { user: { $ne: null } },
    { users: ["u"] },
    { user: "u", explain: 1 },
    { user: "u", context: "x" },
    { user: "u", context: { referrer: 7 } },
    { user: "u", context: { "": "x" } },
  ];
  const body = bodies[Math.floor(random() * bodies.length)];
  const packed = random() < 0.5;
  const data = packed ? encode(body) : text.encode(JSON.stringify(body));
  return { data, contentType: packed ? "application/msgpack" : "application/json", neighbours: 0, events: 0 };
}

/** The same numbers in every run. */
export const hostileRandom = (): Random => seededRandom(10_000);
