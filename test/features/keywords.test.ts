import { expect, test } from "vitest";
import { keywordHashes } from "../../src/features/keywords.ts";

test("the same words in another case, order of marks or composition are the same keywords", () => {
  const keywords = keywordHashes("Red leather shoes, café", 32);
  expect(keywords).toHaveLength(4);
  expect(keywordHashes("red LEATHER… shoes (cafe\u0301)!", 32)).toEqual(keywords);
});

test("stop words and repetitions do not count", () => {
  expect(keywordHashes("the shoes of the shoes", 32)).toEqual(keywordHashes("shoes", 32));
});

test("words of any script and numbers count", () => {
  expect(keywordHashes("обувь 靴 iphone 15", 32)).toHaveLength(4);
});

test("marks on letters do not break a word", () => {
  for (const word of ["हिन्दी", "தமிழ்", "שָׁלוֹם"]) expect(keywordHashes(word, 32), word).toHaveLength(1);
});

test("no more than the limit are kept, the first ones", () => {
  const text = Array.from({ length: 50 }, (_, i) => `word${i}`).join(" ");
  expect(keywordHashes(text, 32)).toEqual(keywordHashes(text, 50).slice(0, 32));
  expect(keywordHashes(text, 0)).toEqual([]);
});

test("hashes are unsigned, of 32 bits, and none is 0", () => {
  for (const hash of keywordHashes("one two three four five six seven", 32)) {
    expect(hash).toBeGreaterThan(0);
    expect(hash).toBeLessThan(2 ** 32);
    expect(Number.isInteger(hash)).toBe(true);
  }
});

test("a text without words has no keywords", () => {
  expect(keywordHashes("", 32)).toEqual([]);
  expect(keywordHashes("?!… —", 32)).toEqual([]);
});
