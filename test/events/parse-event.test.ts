import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../src/events/limits.ts";
import { parseEvent } from "../../src/events/parse-event.ts";

const NOW_MS = 1_767_225_600_000;
const minimal = { id: "e1", user: "ada", type: "view", ts: NOW_MS - 1_000 };

const parse = (fields: Readonly<Record<string, unknown>>) => parseEvent({ ...minimal, ...fields }, NOW_MS);
const codeOf = (input: unknown): string => {
  const parsed = parseEvent(input, NOW_MS);
  return parsed.kind === "refused" ? parsed.code : "accepted";
};
const timeOf = (ts: unknown): number | string => {
  const parsed = parse({ ts });
  return parsed.kind === "event" ? parsed.event.tsMs : parsed.code;
};
/** Keys as JSON hands them out: its own, even those that a literal would take as the prototype. */
const fromJson = (json: string): Record<string, unknown> => JSON.parse(json) as Record<string, unknown>;

test("an event with every field comes back as it was, its time as tsMs", () => {
  const { ts, ...fields } = {
    ...minimal,
    item: "sku-42",
    categories: ["shoes"],
    query: "red shoes",
    text: "two\nlines",
    value: 12.5,
    currency: "EUR",
    peer: "bob",
    location: { lat: 48.1, lon: 11.6 },
    context: { referrer: "newsletter" },
    traits: { orders: 7, city: "Oslo", vip: true },
    segments: { life: "loyal", taste: null },
    consent: { location: true, text: false },
    decision: "d1",
  };
  expect(parseEvent({ ...fields, ts }, NOW_MS)).toEqual({ kind: "event", event: { ...fields, tsMs: ts } });
});

test("whatever is no object is refused", () => {
  for (const input of [null, undefined, 5, "view", true, [], [minimal]])
    expect(codeOf(input)).toBe("NOT_AN_OBJECT");
});

test.for(["id", "user", "type", "ts"])("an event without %s is refused", (field) => {
  const { [field as "id"]: _, ...rest } = minimal;
  expect(codeOf(rest)).toBe("MISSING_FIELD");
});

test("a field that nothing reads is refused, so that a typo does not pass", () => {
  expect(codeOf({ ...minimal, catgories: [] })).toBe("UNKNOWN_FIELD");
  expect(codeOf({ ...minimal, toString: "x" })).toBe("UNKNOWN_FIELD");
  expect(codeOf({ ...minimal, location: { lat: 1, lon: 1, alt: 3 } })).toBe("UNKNOWN_FIELD");
});

test.for([
  ["id", 5],
  ["user", null],
  ["type", {}],
  ["ts", true],
  ["item", ["sku"]],
  ["categories", "shoes"],
  ["categories", [5]],
  ["query", 5],
  ["value", "12"],
  ["location", [48, 11]],
  ["location", { lat: "48", lon: 11 }],
  ["context", { device: 5 }],
  ["traits", { deep: { deeper: 1 } }],
  ["traits", { none: null }],
  ["segments", { life: 5 }],
  ["consent", { text: "yes" }],
  ["consent", []],
])("%s of a wrong type is refused", ([field, value]) => {
  expect(codeOf({ ...minimal, [field as string]: value })).toBe("WRONG_TYPE");
});

test("ids have 1 to 128 printable characters", () => {
  const valid = ["x", "x".repeat(128), "Zoë", "\u{1f600}", "Ａ", " "];
  for (const id of valid) expect(codeOf({ ...minimal, id })).toBe("accepted");
  const invalid = ["", "x".repeat(129), "a\u0000", "a\nb", "a\u007f", "a\u0085", "\ud800", "\udc00\ud800"];
  for (const id of invalid) expect(codeOf({ ...minimal, id })).toBe("BAD_ID");
});

test("a control character is found behind characters of any plane", () => {
  for (const before of ["é", "Ａ", "\u{1f600}", "\uffff"])
    expect(codeOf({ ...minimal, user: `${before}\u0000` })).toBe("BAD_ID");
});

test("line breaks and tabs belong in a text and nowhere else", () => {
  expect(codeOf({ ...minimal, text: "a\r\n\tb" })).toBe("accepted");
  expect(codeOf({ ...minimal, text: "a\u0000" })).toBe("BAD_TEXT");
  expect(codeOf({ ...minimal, query: "a\nb" })).toBe("BAD_TEXT");
  expect(codeOf({ ...minimal, type: "a\tb" })).toBe("BAD_TEXT");
  expect(codeOf({ ...minimal, type: "" })).toBe("BAD_TEXT");
});

test("the limit of a text is in bytes of UTF-8", () => {
  for (const [character, bytes] of [
    ["a", 1],
    ["é", 2],
    ["中", 3],
    ["\u{1f600}", 4],
  ] as const) {
    const most = Math.floor(LIMITS.textBytes / bytes);
    expect(codeOf({ ...minimal, query: character.repeat(most) })).toBe("accepted");
    expect(codeOf({ ...minimal, query: character.repeat(most + 1) })).toBe("TOO_LONG");
  }
});

test("lists, records and the event as a whole have limits", () => {
  const categories = (count: number, bytes: number) => Array.from({ length: count }, () => "c".repeat(bytes));
  const traits = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, i]));
  expect(codeOf({ ...minimal, categories: categories(32, 10), traits: traits(32) })).toBe("accepted");
  expect(codeOf({ ...minimal, categories: categories(33, 1) })).toBe("TOO_MANY");
  expect(codeOf({ ...minimal, traits: traits(33) })).toBe("TOO_MANY");
  expect(codeOf({ ...minimal, traits: { ["k".repeat(65)]: 1 } })).toBe("TOO_LONG");
  expect(codeOf({ ...minimal, traits: { "": 1 } })).toBe("BAD_TEXT");
  expect(codeOf({ ...minimal, categories: categories(15, 1_024) })).toBe("accepted");
  expect(codeOf({ ...minimal, categories: categories(17, 1_024) })).toBe("TOO_LARGE");
});

test("numbers are finite", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(codeOf({ ...minimal, value })).toBe("BAD_NUMBER");
    expect(codeOf({ ...minimal, traits: { orders: value } })).toBe("BAD_NUMBER");
    expect(codeOf({ ...minimal, location: { lat: value, lon: 0 } })).toBe("BAD_NUMBER");
    expect(codeOf({ ...minimal, ts: value })).toBe("BAD_TIMESTAMP");
  }
});

test("keys that reach a prototype are refused, in the event and in its records", () => {
  for (const key of ["__proto__", "__proto_", "constructor", "prototype"]) {
    const record = fromJson(`{"${key}": "x"}`);
    expect(codeOf(fromJson(`{"id":"e","user":"u","type":"t","ts":${NOW_MS},"${key}":{}}`))).toBe(
      "FORBIDDEN_KEY",
    );
    for (const field of ["context", "traits", "segments", "consent"])
      expect(codeOf({ ...minimal, [field]: record })).toBe("FORBIDDEN_KEY");
  }
});

test("a location is on Earth", () => {
  expect(codeOf({ ...minimal, location: { lat: -90, lon: 180 } })).toBe("accepted");
  expect(codeOf({ ...minimal, location: { lat: 90.1, lon: 0 } })).toBe("BAD_LOCATION");
  expect(codeOf({ ...minimal, location: { lat: 0, lon: -181 } })).toBe("BAD_LOCATION");
});

test("maps and segments are named by letters, digits, - and _; null takes the user out", () => {
  expect(codeOf({ ...minimal, segments: { "a-Z_0": "b-Z_9", life: null } })).toBe("accepted");
  for (const segments of [
    { "a.b": "x" },
    { "a b": "x" },
    { life: "" },
    { life: "a>b" },
    { life: "x".repeat(65) },
  ])
    expect(codeOf({ ...minimal, segments })).toBe("BAD_NAME");
});

test("a time is epoch milliseconds or ISO 8601 with its zone", () => {
  expect(timeOf(NOW_MS - 0.4)).toBe(NOW_MS);
  expect(timeOf("2025-12-31T23:00:00Z")).toBe(NOW_MS - 3_600_000);
  expect(timeOf("2026-01-01T00:00+02:00")).toBe(NOW_MS - 7_200_000);
  expect(timeOf("2024-02-29T00:00:00.5Z")).toBe(1_709_164_800_500);
  for (const ts of ["", "now", "2025-12-31", "2025-12-31T00:00:00", "1767225600000", "31.12.2025"])
    expect(timeOf(ts)).toBe("BAD_TIMESTAMP");
});

test("a date that the calendar does not have is refused", () => {
  for (const day of [
    "2023-02-29",
    "2024-02-30",
    "1900-02-29",
    "2024-04-31",
    "2024-13-01",
    "2024-00-01",
    "2024-01-32",
  ])
    expect(timeOf(`${day}T00:00:00Z`)).toBe("BAD_TIMESTAMP");
  expect(timeOf("2024-01-01T25:00:00Z")).toBe("BAD_TIMESTAMP");
});

test("a small skew ahead is kept, a larger one set to now, an absurd time refused", () => {
  expect(timeOf(NOW_MS + LIMITS.skewMs)).toBe(NOW_MS + LIMITS.skewMs);
  expect(timeOf(NOW_MS + LIMITS.skewMs + 1)).toBe(NOW_MS);
  expect(timeOf(NOW_MS + LIMITS.futureMs)).toBe(NOW_MS);
  expect(timeOf(NOW_MS + LIMITS.futureMs + 1)).toBe("BAD_TIMESTAMP");
  expect(timeOf(LIMITS.earliestMs)).toBe(LIMITS.earliestMs);
  expect(timeOf(LIMITS.earliestMs - 1)).toBe("BAD_TIMESTAMP");
  expect(timeOf(NOW_MS / 1_000)).toBe("BAD_TIMESTAMP");
});

test("it never throws, and what it takes it takes again", () => {
  const holds = (input: unknown) => {
    const parsed = parseEvent(input, NOW_MS);
    if (parsed.kind === "refused") return;
    const { tsMs, ...rest } = parsed.event;
    expect(parseEvent({ ...rest, ts: tsMs }, NOW_MS)).toEqual(parsed);
  };
  const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true });
  const nearly = fc.record(
    {
      id: fc.oneof(fc.string({ minLength: 1 }), anything),
      user: fc.oneof(fc.string({ minLength: 1 }), anything),
      type: fc.oneof(fc.constant("view"), anything),
      ts: fc.oneof(fc.integer({ min: LIMITS.earliestMs, max: NOW_MS }), anything),
      categories: anything,
      traits: anything,
      segments: anything,
      location: anything,
    },
    { requiredKeys: ["id", "user", "type", "ts"] },
  );
  fc.assert(fc.property(fc.oneof(anything, nearly), holds), { numRuns: 2_000 });
});
