import { expect, test } from "vitest";
import { halfSipHash } from "../../src/kernel/half-sip-hash.ts";

test("the vectors of Linux's lib/tests/siphash_kunit.c for whole words (HalfSipHash-1-3)", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
  const words = new Uint32Array(bytes.buffer);
  const vectors = [0x5814c896, 0x7e059ea6, 0x577999b1, 0x6b28096c, 0x8b31d501, 0x911bb605, 0x57150ad7];
  expect(vectors.map((_, count) => halfSipHash(words, count, [0x03020100, 0x07060504]))).toEqual(vectors);
});

test("another key gives another checksum", () => {
  const words = Uint32Array.of(1, 2, 3);
  expect(halfSipHash(words, 3, [1, 2])).not.toBe(halfSipHash(words, 3, [1, 3]));
});
