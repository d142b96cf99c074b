import { encode } from "../../src/kernel/msgpack.ts";
import type { Random } from "../../src/kernel/random.ts";

/** Texts that parsers and stores trip over. */
export const NASTY_TEXTS = [
  "",
  "\0",
  "a\0b",
  "\ud800",
  "\udfff\ud800",
  "\u202e",
  "\u2028",
  "\uffff",
  "🏴‍☠️",
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "valueOf",
  "then",
  "toJSON",
  "length",
  "../../etc/passwd",
  "%00",
  "'; drop table users; --",
  "resonance.v1.>",
  "*",
  "$SYS.>",
  "\r\nNats-Service-Error: 500",
  "x".repeat(128),
  "x".repeat(129),
  "é".repeat(600),
  "9".repeat(400),
  "1e999",
  "NaN",
  "0x10",
  "+275760-09-13T00:00:00Z",
  "2026-02-30T25:61:61Z",
];
const NASTY_NUMBERS = [
  0,
  -0,
  -1,
  1.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  -(2 ** 63),
  1e21,
  1e308,
  5e-324,
  -1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
/** Words of JSON and of requests, as bytes to be put anywhere. */
const TOKENS = [
  ...['"__proto__":{"polluted":true},', '"constructor":{"prototype":{}},', '"toJSON":1,', '"then":{},'],
  ...["1e999", "-1e999", "1E-999", "-0", "0123", "1.", "NaN", "Infinity", "9007199254740993"],
  ...['"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', "\\", '"', "{", "}", "[", "]", ",", ":", "null", "true"],
  ...["\ufeff", "\u2028", "\0", "/*", "//", "undefined"],
].map((token) => Buffer.from(token));
/** Bytes that mean much in UTF-8 and in MessagePack. */
const BYTES = [
  0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xc4, 0xc6, 0xc7, 0xc9, 0xca, 0xcb,
  0xcf, 0xd3, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff,
];
/** Nothing longer comes over NATS by default. */
export const INPUT_BYTES_MAX = 1_048_576;

/** A whole number below a bound. */
export function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** One of a list. */
export function pick<One>(random: Random, from: readonly One[]): One {
  return from[below(random, from.length)] as One;
}

/** A value that a field hardly expects. */
export function nastyValue(random: Random): unknown {
  switch (below(random, 8)) {
    case 0:
      return pick(random, NASTY_TEXTS);
    case 1:
      return pick(random, NASTY_NUMBERS);
    case 2:
      return pick(random, [null, true, false, [], {}, [[]], [{}], [null]]);
    case 3:
      return Array.from({ length: below(random, 2_000) }, () => pick<unknown>(random, ["x", 1, null, {}]));
    case 4:
      return nested(random, 1 + below(random, 90));
    case 5:
      return Object.fromEntries(
        Array.from({ length: below(random, 50) }, (_, i) => [`${pick(random, NASTY_TEXTS)}${i}`, i]),
      );
    case 6:
      return JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    default:
      return pick(random, NASTY_TEXTS).repeat(1 + below(random, 200));
  }
}

function nested(random: Random, depth: number): unknown {
  let value: unknown = pick<unknown>(random, ["x", 1, null]);
  for (let i = 0; i < depth; i++) value = random() < 0.5 ? [value] : { [pick(random, NASTY_TEXTS)]: value };
  return value;
}

/** A valid value with some of its parts changed, removed, added or doubled. */
export function mutateValue(random: Random, value: unknown): unknown {
  let changed = value;
  for (let times = 1 + below(random, 3); times > 0; times--) changed = changedPart(random, changed);
  return changed;
}

function changedPart(random: Random, value: unknown): unknown {
  if (Array.isArray(value) && value.length > 0 && random() < 0.9) {
    const at = below(random, value.length);
    const how = random();
    if (how < 0.1) return value.toSpliced(at, 1);
    if (how < 0.2) return value.toSpliced(at, 0, value[at], nastyValue(random));
    return value.with(at, changedPart(random, value[at]));
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && random() < 0.9) {
    const entries = Object.entries(value);
    if (entries.length === 0 || random() < 0.1)
      return Object.fromEntries([...entries, [pick(random, NASTY_TEXTS), nastyValue(random)]]);
    const [key, held] = pick(random, entries);
    if (random() < 0.1) return Object.fromEntries(entries.filter(([name]) => name !== key));
    return { ...value, [key]: changedPart(random, held) };
  }
  return nastyValue(random);
}

/** Bytes of a valid message with some of them flipped, cut, doubled, exchanged, or more put in. */
export function mutateBytes(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = pick(random, corpus);
  for (let times = 1 + below(random, 4); times > 0; times--) bytes = changedBytes(random, bytes, corpus);
  return bytes.subarray(0, INPUT_BYTES_MAX);
}

function changedBytes(random: Random, bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
  const at = below(random, bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + below(random, 1 << below(random, 9)));
  const head = bytes.subarray(0, at);
  switch (below(random, 10)) {
    case 0: {
      const flipped = bytes.slice();
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << below(random, 8));
      return flipped;
    }
    case 1: {
      const changed = bytes.slice();
      if (at < changed.length) changed[at] = pick(random, BYTES);
      return changed;
    }
    case 2:
      return Buffer.concat([head, bytes.subarray(to)]);
    case 3: {
      const part = bytes.subarray(at, to);
      return Buffer.concat([
        head,
        ...Array<Uint8Array>(1 + below(random, 60)).fill(part),
        bytes.subarray(at),
      ]);
    }
    case 4:
      return Buffer.concat([
        head,
        Uint8Array.from({ length: below(random, 40) }, () => below(random, 256)),
        bytes.subarray(at),
      ]);
    case 5: {
      const other = pick(random, corpus);
      return Buffer.concat([head, other.subarray(below(random, other.length + 1))]);
    }
    case 6:
      return head;
    case 7:
      return Buffer.concat([head, pick(random, TOKENS), bytes.subarray(at)]);
    case 8: {
      // Deep, or long: brackets of JSON, or lists and maps of MessagePack.
      const opener = pick(random, [
        [0x5b],
        [0x7b, 0x22, 0x61, 0x22, 0x3a],
        [0x91],
        [0x81, 0xa1, 0x61],
        [0xdd, 0, 0, 0, 1],
      ]);
      const times = 1 + below(random, random() < 0.02 ? 150_000 : 300);
      return Buffer.concat([
        head,
        Buffer.alloc(opener.length * times, Uint8Array.from(opener)),
        bytes.subarray(at),
      ]);
    }
    default:
      return Buffer.concat([head, encode(nastyValue(random)), bytes.subarray(to)]);
  }
}

/** A value as JSON text, with what JSON.stringify would not write put in now and then. */
export function nastyJson(random: Random, value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_, held: unknown) =>
    typeof held === "number" && !Number.isFinite(held) ? "@@" : held,
  );
  if (text === undefined) return Buffer.from("undefined");
  return Buffer.from(text.replaceAll('"@@"', () => pick(random, ["1e999", "-1e999", "NaN", "null"])));
}
