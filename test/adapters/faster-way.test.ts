import { expect, test } from "vitest";
import { FasterWay, type Way } from "../../src/adapters/faster-way.ts";

/** Sends so many groups of 100 messages, which take so long a message either way. */
function ways(groups: number, msEach: Readonly<Record<Way, number>>): Way[] {
  const faster = new FasterWay();
  return Array.from({ length: groups }, () => {
    const way = faster.next();
    faster.took(way, 100, 100 * msEach[way]);
    return way;
  });
}

test("both ways are tried first", () => {
  expect(ways(2, { single: 1, atomic: 1 })).toEqual(["single", "atomic"]);
});

test("atomic batches are kept to where they are faster by far, as where each write is synced", () => {
  const chosen = ways(300, { single: 0.12, atomic: 0.01 }).filter((way) => way === "atomic");
  expect(chosen.length).toBeGreaterThan(290);
});

test("single messages are kept to where atomic batches are little or no faster", () => {
  const chosen = ways(300, { single: 0.012, atomic: 0.01 }).filter((way) => way === "single");
  expect(chosen.length).toBeGreaterThan(290);
});

test("a single group that took long, as while the machine stood still, changes nothing", () => {
  const faster = new FasterWay();
  for (const way of ["single", "atomic"] as const) faster.took(way, 100, 1);
  faster.took("single", 100, 10_000);
  expect(faster.next()).toBe("single");
});

test("a server that changes its manners is found out", () => {
  const faster = new FasterWay();
  const run = (msEach: Readonly<Record<Way, number>>): Way => {
    let way: Way = "single";
    for (let i = 0; i < 2_000; i++) {
      way = faster.next();
      faster.took(way, 100, 100 * msEach[way]);
    }
    return way;
  };
  run({ single: 0.01, atomic: 0.01 });
  expect(faster.next()).toBe("single");
  run({ single: 0.12, atomic: 0.01 });
  expect(faster.next()).toBe("atomic");
  run({ single: 0.01, atomic: 0.01 });
  expect(faster.next()).toBe("single");
});

test("no time that was measured: nothing is divided by it", () => {
  const faster = new FasterWay();
  faster.took("single", 16, 0);
  faster.took("atomic", 16, 0);
  expect(faster.next()).toBe("single");
});
