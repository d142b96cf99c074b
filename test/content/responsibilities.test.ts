import { expect, test } from "vitest";
import { anonymousResponsibilities, memberResponsibilities } from "../../src/content/responsibilities.ts";

test("a member's segment answers for all of an outcome", () => {
  expect(memberResponsibilities("loyal")).toEqual({ segments: ["loyal"], shares: [1] });
});

test("an anonymous visitor's likely segments answer, the surer the more, and for none nobody does", () => {
  const { segments, shares } = anonymousResponsibilities(
    ["a", "b", "c"],
    Float64Array.of(0.25, 0.5, 0.04, 0.21),
  );
  expect(segments).toEqual(["b", "a"]);
  expect(shares).toEqual([0.25, 0.0625]);
});

test("at most eight segments answer, and shares are as float32 keeps them", () => {
  const many = Float64Array.from({ length: 13 }, (_, k) => (k < 12 ? 1 / 12 : 0));
  const names = Array.from({ length: 12 }, (_, k) => `s${k}`);
  const { segments, shares } = anonymousResponsibilities(names, many);
  expect(segments).toEqual(names.slice(0, 8));
  for (const share of shares) expect(Math.fround(share)).toBe(share);
});
