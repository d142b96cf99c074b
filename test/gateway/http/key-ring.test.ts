import fc from "fast-check";
import { expect, test } from "vitest";
import { hashOfKey, KeyRing, keyInHeader, newKey } from "../../../src/gateway/http/key-ring.ts";
import { parseKeys } from "../../../src/gateway/http/parse-keys.ts";

const kept = (name: string, key: string) => ({
  name,
  role: "producer" as const,
  sha256: hashOfKey(key),
  origins: [],
});

test("a key has 192 bits, says its role, and is kept as its SHA-256", () => {
  const key = newKey("producer", (bytes) => new Uint8Array(bytes));
  expect(key).toBe(`rsn_w_${"A".repeat(32)}`);
  expect(hashOfKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-2.
});

test("a ring finds its own keys and no others", () => {
  const ring = new KeyRing([kept("a", "key-a"), kept("b", "key-b")]);
  expect(ring.find("key-b")?.name).toBe("b");
  fc.assert(fc.property(fc.string(), (text) => text.startsWith("key-") || ring.find(text) === undefined));
});

test("any header gives a key or none, and is never thrown at", () => {
  expect(keyInHeader("Bearer abc")).toBe("abc");
  expect(keyInHeader("bearer  abc ")).toBe("abc");
  expect(keyInHeader(`Basic ${btoa("abc:")}`)).toBe("abc");
  expect(keyInHeader(`Basic ${btoa("abc:secret:more")}`)).toBe("abc");
  fc.assert(fc.property(fc.string(), (text) => typeof keyInHeader(text) !== "object"));
});

test.for<readonly [text: string, told: string]>([
  ["{", "not JSON"],
  ['{"keys": 1}', "keys"],
  ['{"keys": [{"name": "a b", "role": "producer", "sha256": ""}]}', "keys.0.name"],
  ['{"keys": [{"name": "a", "role": "admin", "sha256": ""}]}', "keys.0.role"],
  [
    JSON.stringify({ keys: [{ ...kept("a", "x"), rate: { perSecond: 0, burst: 1 } }] }),
    "keys.0.rate.perSecond",
  ],
  [
    JSON.stringify({ keys: [{ ...kept("a", "x"), origins: ["https://a.example/path"] }] }),
    "keys.0.origins.0",
  ],
  [JSON.stringify({ keys: [kept("a", "x"), kept("a", "y")] }), "two keys are named a"],
])(
  "a file of keys that breaks a rule is refused, with the place and none of its text: %s",
  ([text, told]) => {
    expect(() => parseKeys(text, "file")).toThrow(expect.objectContaining({ code: "BAD_KEYS_FILE" }));
    expect(() => parseKeys(text, "file")).toThrow(told);
  },
);
