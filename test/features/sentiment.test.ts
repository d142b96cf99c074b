import fc from "fast-check";
import { expect, test } from "vitest";
import { sentimentOf } from "../../src/features/sentiment.ts";

const squashed = (score: number): number => score / Math.sqrt(score * score + 15);

test.for<[text: string, score: number]>([
  ["I hate it", -3],
  ["I do not hate it", 3],
  ["I love it", 3],
  ["I don't love it", -3],
  ["I don\u2019t love it", -3],
  ["I dont love it", -3],
  ["it was a 'good' one", 3],
  ["GOOD, really good!", 6],
  ["bread and water", 0],
  ["", 0],
  ["constructor toString __proto__", 0],
])("%s: %i", ([text, score]) => {
  expect(sentimentOf(text)).toBeCloseTo(squashed(score), 12);
});

test("a negation reaches three words and no further", () => {
  expect(sentimentOf("not at all good")).toBeCloseTo(squashed(-3), 12);
  expect(sentimentOf("not at all that good")).toBeCloseTo(squashed(3), 12);
});

test("a negation ends with its clause", () => {
  expect(sentimentOf("No, I love it")).toBeCloseTo(squashed(3), 12);
  expect(sentimentOf("Not. Good.")).toBeCloseTo(squashed(3), 12);
});

test("any text scores within -1 and 1", () => {
  const words = fc.array(fc.constantFrom("love", "hate", "not", "superb", "!", "x'", "né"), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        words.map((list) => list.join(" ")),
      ),
      (text) => {
        const score = sentimentOf(text);
        expect(score).toBeGreaterThanOrEqual(-1);
        expect(score).toBeLessThanOrEqual(1);
      },
    ),
  );
});
