import { expect, test } from "vitest";
import { memberCount, type RefitPolicy, shouldFit } from "../../src/embedding/refit-policy.ts";

const policy: RefitPolicy = { firstMembers: 100, membersPerSegment: 20, growth: 2 };
const members = (a: number, b: number) => ({ lifecycle: { a, b } });

test("nothing is fitted before there are enough members", () => {
  expect(shouldFit({ membersBySegment: members(50, 49), fittedMembers: 0 }, policy)).toBe(false);
  expect(shouldFit({ membersBySegment: members(50, 50), fittedMembers: 0 }, policy)).toBe(true);
});

test("one segment alone teaches nothing", () => {
  expect(shouldFit({ membersBySegment: members(500, 19), fittedMembers: 0 }, policy)).toBe(false);
});

test("the next fit waits until the members have grown by the factor", () => {
  expect(shouldFit({ membersBySegment: members(100, 99), fittedMembers: 100 }, policy)).toBe(false);
  expect(shouldFit({ membersBySegment: members(100, 100), fittedMembers: 100 }, policy)).toBe(true);
});

test("the members of the largest map count", () => {
  expect(memberCount({ one: { a: 3, b: 4 }, two: { c: 5 } })).toBe(7);
  expect(memberCount({})).toBe(0);
});
