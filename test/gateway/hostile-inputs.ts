import { Packr } from "msgpackr";
import { LIMITS } from "../../src/events/limits.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";

/** An event that must be refused, ready to be written into a batch of either format. */
export type HostileEvent = Readonly<{
  /** The code that must refuse it. */
  code: string;
  /** As JSON text. It may hold what `JSON.stringify` would not write. */
  json: string;
  /** As MessagePack; absent where that format can't say it, or would refuse the whole request for it. */
  msgpack: Uint8Array | undefined;
}>;

/** A request that must be refused as a whole. */
export type HostileRequest = Readonly<{
  endpoint: "ingest" | "score";
  contentType: string;
  data: Uint8Array;
  code: string;
}>;

type Json = null | boolean | number | string | readonly Json[] | Readonly<{ [key: string]: Json }>;
/** Makes one kind of hostile event. */
type Mutation = (random: Random, id: string, nowMs: number) => HostileEvent;

const MSGPACK = "application/msgpack";
const JSON_TYPE = "application/json";
const packr = new Packr({ useRecords: false });
const utf8 = new TextEncoder();

/** The valid event that all hostile ones were made from. */
export function goodEvent(id: string, nowMs: number): Readonly<Record<string, Json>> {
  return {
    id,
    user: `user-of-${id}`,
    type: "view",
    ts: nowMs - 1_000,
    item: "sku-42",
    categories: ["shoes"],
  };
}

/** Hostile events of all kinds in turn, the same ones for the same seed. */
export function hostileEvents(seed: number, count: number, nowMs: number): HostileEvent[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) =>
    (MUTATIONS[i % MUTATIONS.length] ?? notAnObject)(random, `hostile-${seed}-${i}`, nowMs),
  );
}

/** Hostile requests of all kinds in turn, the same ones for the same seed. */
export function hostileRequests(seed: number, count: number, nowMs: number): HostileRequest[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const make = REQUESTS[i % REQUESTS.length] ?? cutJson;
    return make(random, nowMs);
  });
}

/** A request of `ingest` with events as they stand, in JSON. */
export function jsonBatch(events: readonly string[]): Uint8Array {
  return utf8.encode(`{"events":[${events.join(",")}]}`);
}

/** A request of `ingest` with events as they stand, in MessagePack. */
export function msgpackBatch(events: readonly Uint8Array[]): Uint8Array {
  const head = [0x81, 0xa6, ...utf8.encode("events"), 0xdc, events.length >> 8, events.length & 0xff];
  return joined(Uint8Array.from(head), ...events);
}

/** A value as one event of {@link msgpackBatch}. */
export function packEvent(value: unknown): Uint8Array {
  return packr.pack(value).slice();
}

const notAnObject: Mutation = (random) =>
  hostile("NOT_AN_OBJECT", pick(random, [null, 0, true, "event", [], [[]]]));

const missingField: Mutation = (random, id, nowMs) => {
  const field = pick(random, ["id", "user", "type", "ts"]);
  return hostile(
    "MISSING_FIELD",
    Object.fromEntries(Object.entries(goodEvent(id, nowMs)).filter(([key]) => key !== field)),
  );
};

const wrongType: Mutation = (random, id, nowMs) => {
  const [field, ...values] = pick<readonly [string, ...Json[]]>(random, [
    ["id", 5, null, [], {}],
    ["user", true, ["ada"], { id: "ada" }],
    ["type", 1, null],
    ["ts", true, null, [nowMs], { ms: nowMs }],
    ["item", 42, ["sku"]],
    ["categories", "shoes", { 0: "shoes" }, [1], [null], [["shoes"]]],
    ["query", 5, ["shoes"]],
    ["text", {}, false],
    ["value", "12", [12], null],
    ["location", "48,11", [48, 11], { lat: "48", lon: 11 }, { lat: 48 }],
    ["context", [], "mobile", { device: 5 }, { device: null }],
    ["traits", [], { orders: null }, { orders: [1] }],
    ["segments", "loyal", { life: 1 }, { life: ["loyal"] }],
    ["consent", true, { text: "yes" }, { text: 1 }, { text: null }],
    ["decision", 7, {}],
  ]);
  return hostile("WRONG_TYPE", { ...goodEvent(id, nowMs), [field]: pick(random, values) });
};

const deeplyNested: Mutation = (random, id, nowMs) => {
  const place = pick(random, ["text", "traits", "context", "categories"]);
  const wrap = (inner: string): string =>
    place === "categories" ? `[${inner}]` : place === "text" ? inner : `{"k":${inner}}`;
  const shallow = nest(random, 2 + Math.floor(random() * 40));
  const deep = nest(random, 100 + Math.floor(random() * 5_000));
  const written = (inner: string) => withField(goodEvent(id, nowMs), place, wrap(inner));
  return { code: "WRONG_TYPE", json: written(deep), msgpack: packEvent(JSON.parse(written(shallow))) };
};

const badNumber: Mutation = (random, id, nowMs) => {
  const [json, value] = pick(random, [
    ["1e999", Number.POSITIVE_INFINITY],
    ["-1e999", Number.NEGATIVE_INFINITY],
  ] as const);
  const number = random() < 0.3 ? Number.NaN : value; // JSON has no word for NaN.
  const base = goodEvent(id, nowMs);
  return pick<HostileEvent>(random, [
    {
      code: "BAD_NUMBER",
      json: withField(base, "value", json),
      msgpack: packEvent({ ...base, value: number }),
    },
    {
      code: "BAD_NUMBER",
      json: withField(base, "traits", `{"orders":${json}}`),
      msgpack: packEvent({ ...base, traits: { orders: number } }),
    },
    {
      code: "BAD_NUMBER",
      json: withField(base, "location", `{"lat":${json},"lon":0}`),
      msgpack: packEvent({ ...base, location: { lat: 0, lon: number } }),
    },
    { code: "BAD_TIMESTAMP", json: withField(base, "ts", json), msgpack: packEvent({ ...base, ts: number }) },
  ]);
};

const absurdTime: Mutation = (random, id, nowMs) => {
  const absurd: readonly Json[] = [
    0,
    -1,
    nowMs / 1_000,
    nowMs * 1_000,
    nowMs + LIMITS.futureMs + 1 + Math.floor(random() * 1e12),
    LIMITS.earliestMs - 1,
    1e300,
    -1e300,
    "",
    "yesterday",
    String(nowMs),
    "2025-12-31",
    "2025-02-30T00:00:00Z",
    "2025-12-31T00:00:00",
    "2025-12-31T25:00:00Z",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    `2025-12-31T00:00:00Z${" ".repeat(1_000)}`,
  ];
  return hostile("BAD_TIMESTAMP", { ...goodEvent(id, nowMs), ts: pick(random, absurd) });
};

const badId: Mutation = (random, id, nowMs) => {
  const field = pick(random, ["id", "user", "item", "peer", "decision"]);
  const value = pick(random, ["", "x".repeat(129 + Math.floor(random() * 1_000)), unprintable(random)]);
  return hostile("BAD_ID", { ...goodEvent(id, nowMs), [field]: value });
};

const brokenUnicode: Mutation = (random, id, nowMs) => {
  const half = pick(random, ["\\ud800", "\\udfff", "\\udc00\\ud800", "a\\ud83dz", "\\ud83d\\ude00\\ud83d"]);
  const [field, code] = pick(random, [
    ["id", "BAD_ID"],
    ["query", "BAD_TEXT"],
    ["type", "BAD_TEXT"],
  ] as const);
  return { code, json: withField(goodEvent(id, nowMs), field, `"${half}"`), msgpack: undefined };
};

const badText: Mutation = (random, id, nowMs) => {
  const value = unprintable(random);
  const spoilt = pick<Readonly<Record<string, Json>>>(random, [
    { type: value },
    { type: "" },
    { query: value },
    { text: `line\n${value.replaceAll("\n", "\u0007")}` },
    { categories: ["shoes", value] },
    { context: { device: value } },
    { traits: { [value]: 1 } },
    { traits: { "": 1 } },
    { consent: { [value]: true } },
  ]);
  return hostile("BAD_TEXT", { ...goodEvent(id, nowMs), ...spoilt });
};

const tooLong: Mutation = (random, id, nowMs) => {
  const long = pick(random, [
    "x".repeat(1_025),
    "中".repeat(342),
    "\u{1f600}".repeat(257),
    "x".repeat(100_000),
  ]);
  const spoilt = pick<Readonly<Record<string, Json>>>(random, [
    { query: long },
    { text: long },
    { type: long },
    { currency: "x".repeat(9) },
    { categories: [long] },
    { context: { referrer: long } },
    { traits: { [long]: true } },
    { traits: { about: long } },
  ]);
  return hostile("TOO_LONG", { ...goodEvent(id, nowMs), ...spoilt });
};

const tooMany: Mutation = (random, id, nowMs) => {
  const count = 33 + Math.floor(random() * 300);
  const record = (value: Json) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));
  const spoilt = pick<Readonly<Record<string, Json>>>(random, [
    { categories: Array.from({ length: count }, () => "c") },
    { context: record("v") },
    { traits: record(1) },
    { segments: record(null) },
    { consent: record(true) },
  ]);
  return hostile("TOO_MANY", { ...goodEvent(id, nowMs), ...spoilt });
};

const tooLarge: Mutation = (random, id, nowMs) => {
  const text = pick(random, ["x".repeat(1_024), "é".repeat(512), "中".repeat(341)]);
  const full = Array.from({ length: 32 }, () => text);
  return hostile("TOO_LARGE", { ...goodEvent(id, nowMs), categories: full });
};

const forbiddenKey: Mutation = (random, id, nowMs) => {
  const key = pick(random, ["__proto__", "constructor", "prototype"]);
  const field = pick(random, ["", "context", "traits", "segments", "consent"]);
  const poison = `{"${key}":${pick(random, ['{"isAdmin":true}', "null", '"x"', "true"])}}`;
  const base = goodEvent(id, nowMs);
  const json = field === "" ? withField(base, key, poison) : withField(base, field, poison);
  // The packer takes the keys that an object has of its own, these too.
  return { code: "FORBIDDEN_KEY", json, msgpack: packEvent(JSON.parse(json)) };
};

const unknownField: Mutation = (random, id, nowMs) => {
  const field = pick(random, [
    "Id",
    "userId",
    "timestamp",
    "tsMs",
    "catgories",
    "kind",
    "toString",
    "hasOwnProperty",
    "\u0000",
    " ",
  ]);
  const inLocation = random() < 0.2;
  const spoilt: Readonly<Record<string, Json>> = inLocation
    ? { location: { lat: 1, lon: 1, alt: 5 } }
    : { [field]: "x" };
  return hostile("UNKNOWN_FIELD", { ...goodEvent(id, nowMs), ...spoilt });
};

const offEarth: Mutation = (random, id, nowMs) => {
  const location = pick(random, [
    { lat: 90.001, lon: 0 },
    { lat: -91, lon: 0 },
    { lat: 0, lon: 180.5 },
    { lat: 1e308, lon: 1e308 },
  ]);
  return hostile("BAD_LOCATION", { ...goodEvent(id, nowMs), location });
};

const badName: Mutation = (random, id, nowMs) => {
  const name = pick(random, ["", "a b", "life.>", "*", "a/b", "é", "x.", "$SYS", "x".repeat(65)]);
  const asKey = random() < 0.5 && name !== "" && name.length <= LIMITS.keyBytes; // Other keys have other faults.
  return hostile("BAD_NAME", {
    ...goodEvent(id, nowMs),
    segments: asKey ? { [name]: "loyal" } : { life: name },
  });
};

const ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Ids of decisions that were never made: of another form, or of the right one and made up. */
const madeUpDecision: Mutation = (random, id, nowMs) => {
  const lettersOf = (count: number): string =>
    Array.from({ length: count }, () => pick(random, [...ID_LETTERS])).join("");
  const decision = pick(random, [
    `d1${lettersOf(62)}`,
    `d2${lettersOf(80)}`,
    lettersOf(64),
    "d1",
    "decision-7",
  ]);
  return hostile("BAD_DECISION", { ...goodEvent(id, nowMs), type: "click", decision });
};

const MUTATIONS: readonly Mutation[] = [
  notAnObject,
  missingField,
  wrongType,
  deeplyNested,
  badNumber,
  absurdTime,
  badId,
  brokenUnicode,
  badText,
  tooLong,
  tooMany,
  tooLarge,
  forbiddenKey,
  unknownField,
  offEarth,
  badName,
  madeUpDecision,
];

type RequestMaker = (random: Random, nowMs: number) => HostileRequest;

const requestOf = (random: Random, nowMs: number, endpoint: "ingest" | "score") =>
  endpoint === "score"
    ? { user: "ada" }
    : { events: [goodEvent(`cut-${Math.floor(random() * 1e9)}`, nowMs)] };

const cutJson: RequestMaker = (random, nowMs) => {
  const endpoint = either(random);
  const whole = utf8.encode(JSON.stringify(requestOf(random, nowMs, endpoint)));
  return { endpoint, contentType: JSON_TYPE, data: cut(random, whole), code: "MALFORMED_JSON" };
};

const spoiltJson: RequestMaker = (random) => {
  const data = pick(random, [
    utf8.encode('{"user":"ada"}}'),
    utf8.encode("{'user':'ada'}"),
    utf8.encode('{"user":NaN}'),
    utf8.encode('{"user":undefined}'),
    utf8.encode("\u0000"),
    utf8.encode("[".repeat(50_000)),
    joined(utf8.encode('{"user":"'), Uint8Array.of(0xff, 0xfe), utf8.encode('"}')),
    joined(utf8.encode('{"user":"'), Uint8Array.of(0xed, 0xa0, 0x80), utf8.encode('"}')),
    joined(utf8.encode('{"user":"'), Uint8Array.of(0xc0, 0x80), utf8.encode('"}')),
    Uint8Array.from({ length: 40 }, () => 0x80 + Math.floor(random() * 0x80)),
  ]);
  return {
    endpoint: either(random),
    contentType: pick(random, ["", JSON_TYPE]),
    data,
    code: "MALFORMED_JSON",
  };
};

const cutMsgpack: RequestMaker = (random, nowMs) => {
  const endpoint = either(random);
  const data = cut(random, packEvent(requestOf(random, nowMs, endpoint)));
  return { endpoint, contentType: MSGPACK, data, code: "MALFORMED_MSGPACK" };
};

const spoiltMsgpack: RequestMaker = (random, nowMs) => {
  const user = [0x81, 0xa4, ...utf8.encode("user")];
  const data = pick(random, [
    Uint8Array.from([...packEvent({ user: "ada" }), Math.floor(random() * 256)]),
    Uint8Array.of(0xc1),
    Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61),
    Uint8Array.of(0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61),
    Uint8Array.from([...user, 0xc4, 3, 1, 2, 3]),
    Uint8Array.from([...user, 0xd6, 0xff, 0, 0, 0, 1]),
    Uint8Array.from([...user, 0xd4, 0, 0]),
    Uint8Array.from([...user, 0xd4, 0x72, 0x40]),
    Uint8Array.from([...user, 0xc7, 4, 0x69, 0, 0, 0, 1]),
    Uint8Array.from([...user, 0xa3, 0xff, 0xfe, 0xfd]),
    Uint8Array.from([0x81, 0x91, 0x01, 0x01]), // A list as a key.
    packEvent({ events: [{ ...goodEvent("date", nowMs), ts: new Date(nowMs) }] }),
  ]);
  return { endpoint: either(random), contentType: MSGPACK, data, code: "MALFORMED_MSGPACK" };
};

const deepMsgpack: RequestMaker = (random) => {
  const data = new Uint8Array(LIMITS.depth + 1 + Math.floor(random() * 20_000)).fill(
    pick(random, [0x91, 0xdc]),
  );
  // A long list counts two bytes of length: what follows stands for 0x9191 items, so there must be so many bytes.
  const body = data[0] === 0xdc ? new Uint8Array(4 * 0x9191).fill(0x91) : data;
  body[body.length - 1] = 0x90;
  return { endpoint: either(random), contentType: MSGPACK, data: body, code: "TOO_DEEP" };
};

const otherContentType: RequestMaker = (random) => ({
  endpoint: either(random),
  contentType: pick(random, [
    "text/html",
    "application/x-protobuf",
    "application/json5",
    "msgpack",
    "*/*",
    "multipart/form-data",
  ]),
  data: utf8.encode('{"user":"ada"}'),
  code: "UNSUPPORTED_CONTENT_TYPE",
});

const wrongBatch: RequestMaker = (random, nowMs) => {
  const [body, code] = pick<readonly [unknown, string]>(random, [
    [{ events: "all" }, "WRONG_TYPE"],
    [{ events: null }, "WRONG_TYPE"],
    [{ events: { 0: goodEvent("x", nowMs), length: 1 } }, "WRONG_TYPE"],
    [{ events: [goodEvent("x", nowMs)], user: "ada" }, "UNKNOWN_FIELD"],
    [{ events: Array.from({ length: LIMITS.requestEvents + 1 }, () => 0) }, "TOO_MANY"],
  ]);
  return inEither(random, "ingest", body, code);
};

const wrongQuestion: RequestMaker = (random) => {
  const [body, code] = pick<readonly [unknown, string]>(random, [
    [[], "NOT_AN_OBJECT"],
    [null, "NOT_AN_OBJECT"],
    ["ada", "NOT_AN_OBJECT"],
    [{}, "MISSING_FIELD"],
    [{ map: "life" }, "MISSING_FIELD"],
    [{ user: 5 }, "WRONG_TYPE"],
    [{ user: ["ada"] }, "WRONG_TYPE"],
    [{ user: null }, "WRONG_TYPE"],
    [{ user: "" }, "BAD_ID"],
    [{ user: "x".repeat(129) }, "BAD_ID"],
    [{ user: unprintable(random) }, "BAD_ID"],
    [{ user: "ada", map: 5 }, "WRONG_TYPE"],
    [{ user: "ada", map: "resonance.>" }, "BAD_NAME"],
    [{ user: "ada", map: "" }, "BAD_NAME"],
    [{ user: "ada", usr: "bob" }, "UNKNOWN_FIELD"],
    [JSON.parse('{"user":"ada","__proto__":{"map":"life"}}'), "UNKNOWN_FIELD"],
    [{ user: "ada", constructor: 1 }, "UNKNOWN_FIELD"],
    [{ user: "ada", explain: "yes" }, "WRONG_TYPE"],
    [{ user: "ada", context: "mobile" }, "WRONG_TYPE"],
    [{ user: "ada", context: { device: 5 } }, "WRONG_TYPE"],
    [{ user: "ada", context: { device: "x".repeat(1_025) } }, "TOO_LONG"],
    [{ user: "ada", context: { constructor: "x" } }, "FORBIDDEN_KEY"],
    [{ user: "ada", atLeast: 5 }, "NOT_AN_OBJECT"],
    [{ user: "ada", atLeast: [[]] }, "NOT_AN_OBJECT"],
    [{ user: "ada", atLeast: {} }, "WRONG_TYPE"],
    [{ user: "ada", atLeast: { shard: 0, sequence: -1 } }, "WRONG_TYPE"],
    [{ user: "ada", atLeast: { shard: 0.5, sequence: 1 } }, "WRONG_TYPE"],
    [{ user: "ada", atLeast: { shard: 0, sequence: 1e300 } }, "WRONG_TYPE"],
    [{ user: "ada", atLeast: { shard: 0, sequence: 1, x: 1 } }, "UNKNOWN_FIELD"],
  ]);
  return inEither(random, "score", body, code);
};

const REQUESTS: readonly RequestMaker[] = [
  cutJson,
  spoiltJson,
  cutMsgpack,
  spoiltMsgpack,
  deepMsgpack,
  otherContentType,
  wrongBatch,
  wrongQuestion,
  wrongQuestion,
  wrongQuestion,
];

function hostile(code: string, value: Json): HostileEvent {
  return { code, json: JSON.stringify(value), msgpack: packEvent(value) };
}

/** An event as JSON with one more field, or another value of one; the value as it stands. */
function withField(event: Readonly<Record<string, Json>>, field: string, json: string): string {
  const others = Object.entries(event).filter(([key]) => key !== field);
  const fields = others.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${[...fields, `${JSON.stringify(field)}:${json}`].join(",")}}`;
}

/** Lists and objects inside each other, as JSON. */
function nest(random: Random, depth: number): string {
  return random() < 0.5
    ? "[".repeat(depth) + "]".repeat(depth)
    : `${'{"k":'.repeat(depth)}1${"}".repeat(depth)}`;
}

/** A text with a control character in it, before or behind characters of any plane. */
function unprintable(random: Random): string {
  const control = pick(random, [
    "\u0000",
    "\u0007",
    "\n",
    "\u001b[2J",
    "\u001f",
    "\u007f",
    "\u0085",
    "\u009f",
  ]);
  const other = pick(random, ["", "a", "é", "中", "Ａ", "\u{1f600}", "\uffff"]);
  return random() < 0.5 ? other + control : control + other;
}

function inEither(random: Random, endpoint: "ingest" | "score", body: unknown, code: string): HostileRequest {
  return random() < 0.5
    ? { endpoint, contentType: JSON_TYPE, data: utf8.encode(JSON.stringify(body)), code }
    : { endpoint, contentType: MSGPACK, data: packEvent(body), code };
}

function either(random: Random): "ingest" | "score" {
  return random() < 0.5 ? "ingest" : "score";
}

/** The beginning of a message: at least a byte of it, and not all. */
function cut(random: Random, whole: Uint8Array): Uint8Array {
  return whole.slice(0, 1 + Math.floor(random() * (whole.length - 1)));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new RangeError("there is nothing to pick from");
  return value;
}
