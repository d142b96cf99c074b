import { expect, test } from "vitest";
import type { PositionedEntry } from "../../src/events/log-entry.ts";
import { LatelyActive } from "../../src/shards/lately-active.ts";
import { aView, START_MS } from "./a-shard.ts";

const views = (...users: string[]): PositionedEntry[] =>
  users.map((user, i) => ({ sequence: i + 1, loggedAtMs: START_MS + i, entry: aView({ user }) }));
const usersOf = (active: readonly (readonly [string, number])[]) => active.map(([user]) => user);

test("while nobody watches, nobody is noted", () => {
  const lately = new LatelyActive();
  lately.note(views("ada"), 0);
  expect(lately.turn).toBe(0);
  expect(lately.since(0, 10, 0)).toEqual([]);
});

test("who was active after a turn is told, each once, the most recent last, and of too many the most recent", () => {
  const lately = new LatelyActive();
  lately.since(0, 10, 0);
  lately.note(views("ada", "bob", "cy", "ada"), 1);
  expect(lately.since(0, 10, 2)).toEqual([
    ["bob", START_MS + 1],
    ["cy", START_MS + 2],
    ["ada", START_MS + 3],
  ]);
  const { turn } = lately;
  expect(lately.since(turn, 10, 3)).toEqual([]);
  lately.note(views("bob"), 4);
  expect(usersOf(lately.since(turn, 10, 5))).toEqual(["bob"]);
  expect(usersOf(lately.since(0, 2, 6))).toEqual(["ada", "bob"]);
});

test("once nobody has asked for five seconds, all are forgotten", () => {
  const lately = new LatelyActive();
  lately.since(0, 10, 0);
  lately.note(views("ada"), 4_999);
  lately.note(views("bob"), 5_000);
  expect(lately.since(0, 10, 5_001)).toEqual([]);
});

test("no more than 4,096 users are remembered", () => {
  const lately = new LatelyActive();
  lately.since(0, 10, 0);
  lately.note(views(...Array.from({ length: 5_000 }, (_, i) => `user-${i}`)), 1);
  const active = usersOf(lately.since(0, 10_000, 2));
  expect(active).toHaveLength(4_096);
  expect(active[0]).toBe("user-904");
});

test("whoever is erased is told no more, and that somebody was is", () => {
  const lately = new LatelyActive();
  lately.since(0, 10, 0);
  lately.note(views("ada", "bob"), 1);
  lately.erased("ada");
  expect(usersOf(lately.since(0, 10, 2))).toEqual(["bob"]);
  expect(lately.erasures).toBe(1);
});
