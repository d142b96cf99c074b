import fc from "fast-check";
import { expect, test } from "vitest";
import { ACTIVE_MS, VISITORS_MAX } from "../../src/console/map-frame.ts";
import { nothingSeen, VisitorTable } from "../../src/console/visitor-table.ts";
import type { LatelyReply } from "../../src/resonance/lately-answer.ts";

const NOW_MS = 1_767_225_600_000;

/** What a shard tells of these users. */
function told(users: readonly string[], more: Partial<LatelyReply> = {}): LatelyReply {
  const all = <Value>(value: Value) => users.map(() => value);
  return {
    ...{ epoch: 1, turn: 1, erasures: 0, events: 0, hidden: [] },
    ...{ users, x: all(0.5), y: all(-0.25), segment: all(1), probability: all(0.75), atMs: all(NOW_MS) },
    ...more,
  };
}

test("a visitor is told as numbers: a place, a segment, a probability, an age, and none of them says who it is", () => {
  const table = new VisitorTable();
  table.take(0, told(["ada"], { atMs: [NOW_MS - 1_500] }));
  const news = table.newsFor(nothingSeen(), NOW_MS);
  expect(news).toEqual({
    ...{ n: [1], x: [5_000], y: [-2_500], s: [1], p: [750], a: [1_500] },
    ...{ gone: [], active: 1 },
  });
  expect(JSON.stringify(news)).not.toContain("ada");
  expect(table.userOf(1)).toBe("ada");
  expect(table.userOf(2)).toBeUndefined();
});

test("each who looks is told what they have not seen: what was not sent comes with what follows", () => {
  const table = new VisitorTable();
  const [quick, slow] = [nothingSeen(), nothingSeen()];
  table.take(0, told(["ada"]));
  table.markSeen(quick, table.newsFor(quick, NOW_MS));
  table.take(1, told(["bob"]));
  expect(table.newsFor(quick, NOW_MS).n).toEqual([2]);
  expect(table.newsFor(slow, NOW_MS).n).toEqual([1, 2]);
});

test("who is hidden, idle, or of a shard that begins anew is gone for those who saw them", () => {
  const table = new VisitorTable();
  const seen = nothingSeen();
  table.take(0, told(["ada"]));
  table.take(1, told(["bob", "cy"], { atMs: [NOW_MS - ACTIVE_MS - 1, NOW_MS] }));
  table.take(2, told(["dan"]));
  table.markSeen(seen, table.newsFor(seen, NOW_MS));
  table.take(1, told([], { hidden: ["cy"] }));
  table.dropShard(2);
  table.take(0, told(["ada"]));
  table.dropIdle(NOW_MS);
  expect(table.newsFor(seen, NOW_MS)).toMatchObject({ gone: [2, 3, 4], active: 1 });
  expect(table.userOf(2)).toBeUndefined();
});

test("beyond the bound those stay who were active most recently", () => {
  const table = new VisitorTable();
  table.take(0, told(Array.from({ length: VISITORS_MAX + 10 }, (_, i) => `user-${i}`)));
  table.dropIdle(NOW_MS);
  expect(table.size).toBe(VISITORS_MAX);
  expect(table.userOf(10)).toBeUndefined();
  expect(table.userOf(11)).toBe("user-10");
});

test("whatever comes and goes, one who takes every frame or only some shows what the table holds", () => {
  const steps = fc.array(
    fc.record({
      users: fc.uniqueArray(fc.nat(12), { maxLength: 5 }),
      hidden: fc.uniqueArray(fc.nat(12), { maxLength: 2 }),
      drop: fc.boolean(),
      isTaken: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, (given) => {
      const table = new VisitorTable();
      const seen = nothingSeen();
      const shown = new Set<number>();
      for (const { users, hidden, drop, isTaken } of [
        ...given,
        { users: [], hidden: [], drop: false, isTaken: true },
      ]) {
        if (drop) table.dropShard(0);
        const names = users.map((user) => `user-${user}`);
        const gone = hidden.filter((user) => !users.includes(user)).map((user) => `user-${user}`);
        table.take(0, told(names, { hidden: gone }));
        if (!isTaken) continue;
        const news = table.newsFor(seen, NOW_MS);
        for (const number of news.n) shown.add(number);
        for (const number of news.gone) shown.delete(number);
        table.markSeen(seen, news);
        expect(shown.size).toBe(table.size);
        expect([...shown].every((number) => table.userOf(number) !== undefined)).toBe(true);
      }
    }),
  );
});
