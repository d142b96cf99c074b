import fc from "fast-check";
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import {
  type ContentType,
  contentTypeOf,
  decodeRequest,
  encodeReply,
} from "../../src/events/decode-request.ts";
import { LIMITS } from "../../src/events/limits.ts";

const MSGPACK = "application/msgpack";
const packr = new Packr({ useRecords: false });
const utf8 = new TextEncoder();

const outcomeOf = (data: Uint8Array, type: ContentType): unknown => {
  const decoded = decodeRequest(data, type);
  return decoded.kind === "value" ? decoded.value : decoded.code;
};
const fromJson = (text: string): unknown => outcomeOf(utf8.encode(text), "application/json");
const fromMsgpack = (...bytes: readonly number[]): unknown => outcomeOf(Uint8Array.from(bytes), MSGPACK);
/** Arrays inside each other, `depth` of them. */
const nested = (depth: number): Uint8Array =>
  Uint8Array.from({ length: depth }, (_, i) => (i < depth - 1 ? 0x91 : 0x90));

test("a content type is JSON unless the header says otherwise; others are refused", () => {
  for (const header of ["", "application/json", "Application/JSON; charset=utf-8"])
    expect(contentTypeOf(header)).toBe("application/json");
  for (const header of ["application/msgpack", "application/x-msgpack", " APPLICATION/MSGPACK ;v=5"])
    expect(contentTypeOf(header)).toBe(MSGPACK);
  for (const header of ["text/plain", "application/jsonx", "json", "\u0000"])
    expect(contentTypeOf(header)).toMatchObject({ kind: "refused", code: "UNSUPPORTED_CONTENT_TYPE" });
});

test("a plain value comes back from either format, as the reply would carry it", () => {
  const plain = fc
    .jsonValue({ noUnicodeString: false })
    .filter((value) => !JSON.stringify(value).includes("__proto__"));
  const holds = (value: unknown) => {
    const expected = JSON.parse(JSON.stringify(value)) as unknown;
    for (const type of ["application/json", MSGPACK] as const)
      expect(outcomeOf(encodeReply(expected, type), type)).toEqual(expected);
  };
  fc.assert(fc.property(plain, holds));
});

test("an empty request is an empty object", () => {
  expect(fromJson("")).toEqual({});
  expect(fromMsgpack()).toEqual({});
});

test("a request that is too large is not even looked at", () => {
  const large = new Uint8Array(LIMITS.requestBytes + 1);
  expect(outcomeOf(large, "application/json")).toBe("TOO_LARGE");
  expect(outcomeOf(large, MSGPACK)).toBe("TOO_LARGE");
});

test("JSON that is cut, followed by something or not UTF-8 is refused", () => {
  for (const text of ['{"a":', '{"a":1}}', "{'a':1}", "NaN", "undefined", "[1,]"])
    expect(fromJson(text)).toBe("MALFORMED_JSON");
  const invalid = [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xc0, 0x80]];
  for (const bytes of invalid)
    expect(outcomeOf(Uint8Array.from([0x22, ...bytes, 0x22]), "application/json")).toBe("MALFORMED_JSON");
});

test("JSON of any depth is read, so that one deep event does not cost its batch", () => {
  expect(fromJson(`${"[".repeat(200_000)}${"]".repeat(200_000)}`)).toHaveLength(1);
});

test("MessagePack is read to its limit of depth, and refused beyond it", () => {
  expect(outcomeOf(nested(LIMITS.depth), MSGPACK)).toHaveLength(1);
  expect(outcomeOf(nested(LIMITS.depth + 1), MSGPACK)).toBe("TOO_DEEP");
  expect(outcomeOf(nested(1_000_000), MSGPACK)).toBe("TOO_DEEP");
});

test("MessagePack that is cut anywhere, or followed by anything, is refused", () => {
  const whole = packr.pack({
    events: [{ id: "é", n: [1, -5, 1.5, 70_000, null, true], s: "x".repeat(300) }],
  });
  for (let end = 1; end < whole.length; end++)
    expect(outcomeOf(whole.subarray(0, end), MSGPACK)).toBe("MALFORMED_MSGPACK");
  expect(outcomeOf(Uint8Array.from([...whole, 0xc0]), MSGPACK)).toBe("MALFORMED_MSGPACK");
});

test("lengths that promise more than there is are refused before anything is allocated", () => {
  for (const first of [0xdb, 0xdd, 0xdf, 0xc6, 0xc9])
    expect(fromMsgpack(first, 0xff, 0xff, 0xff, 0xff, 0)).toBe("MALFORMED_MSGPACK");
  for (const first of [0xda, 0xdc, 0xde]) expect(fromMsgpack(first, 0xff, 0xff, 0)).toBe("MALFORMED_MSGPACK");
});

test("binary, extensions and the unused type are refused: nothing but plain values gets through", () => {
  const timestamp = [0xd6, 0xff, 0, 0, 0, 1];
  const undefinedAsExtension = [0xd4, 0, 0];
  const recordDefinition = [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01];
  for (const bytes of [
    timestamp,
    undefinedAsExtension,
    recordDefinition,
    [0xc1],
    [0xc4, 1, 0],
    [0xc7, 1, 1, 0],
    [0xd8, 0],
  ])
    expect(fromMsgpack(...bytes)).toBe("MALFORMED_MSGPACK");
  expect(outcomeOf(packr.pack({ at: new Date(0) }), MSGPACK)).toBe("MALFORMED_MSGPACK");
  expect(outcomeOf(packr.pack({ bytes: Uint8Array.of(1) }), MSGPACK)).toBe("MALFORMED_MSGPACK");
});

test("MessagePack texts must be UTF-8", () => {
  expect(fromMsgpack(0xa2, 0xc3, 0xa9)).toBe("é");
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    expect(fromMsgpack(0xa0 | bytes.length, ...bytes)).toBe("MALFORMED_MSGPACK");
    expect(fromMsgpack(0xd9, bytes.length + 1, 0x61, ...bytes)).toBe("MALFORMED_MSGPACK");
  }
});

test("64-bit integers are numbers, and maps are plain objects whose prototype nobody can set", () => {
  expect(fromMsgpack(0xcf, 0, 0, 0, 0, 0, 0, 0, 7)).toBe(7);
  expect(fromMsgpack(0xcf, 255, 255, 255, 255, 255, 255, 255, 255)).toBe(2 ** 64);
  const decoded = fromMsgpack(0x81, 0xa9, ...utf8.encode("__proto__"), 0x81, 0xa1, 0x61, 1) as object;
  expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  expect("a" in decoded).toBe(false);
});

test("whatever the bytes are, it does not throw and hands out nothing but plain values", () => {
  const isPlain = (value: unknown): boolean => {
    if (typeof value !== "object" || value === null)
      return ["string", "number", "boolean", "object"].includes(typeof value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== Array.prototype) return false;
    return Object.values(value).every(isPlain);
  };
  const holds = (bytes: Uint8Array) => {
    for (const type of ["application/json", MSGPACK] as const) {
      const decoded = decodeRequest(bytes, type);
      if (decoded.kind === "value") expect(isPlain(decoded.value)).toBe(true);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), holds), { numRuns: 5_000 });
});
