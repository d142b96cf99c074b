import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { type PlacementNode, planPlacement, type UnitPlacement } from "../../src/supervisor/placement.ts";

const units = (count: number): string[] => Array.from({ length: count }, (_, i) => `shard-${i}`);
const nodes = (count: number): PlacementNode[] =>
  Array.from({ length: count }, (_, i) => ({ name: `node-${i}`, weight: 1 }));
const NOWHERE: ReadonlyMap<string, UnitPlacement> = new Map();
const ALL_MOVES = { standbys: 0, movesMax: Number.POSITIVE_INFINITY };

function loads(target: ReadonlyMap<string, UnitPlacement>, of: readonly PlacementNode[]): number[] {
  const counts = new Map(of.map(({ name }) => [name, 0]));
  for (const { owner } of target.values())
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts.values()];
}

function movedOwners(
  before: ReadonlyMap<string, UnitPlacement>,
  after: ReadonlyMap<string, UnitPlacement>,
): number {
  return [...after].filter(([unit, { owner }]) => before.get(unit)?.owner !== owner).length;
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  "64 shards over %i nodes: nobody has more than 1.15 of the mean, but for rounding up",
  (count) => {
    const { target } = planPlacement(units(64), nodes(count), NOWHERE, ALL_MOVES);
    const mean = 64 / count;
    expect(Math.max(...loads(target, nodes(count)))).toBeLessThanOrEqual(
      Math.max(1.15 * mean, Math.ceil(mean)),
    );
    expect(Math.max(...loads(target, nodes(count))) / mean).toBeLessThanOrEqual(1.15);
    expect(Math.min(...loads(target, nodes(count)))).toBeGreaterThanOrEqual(Math.floor(mean));
  },
);

test("a node that joins or leaves moves within one shard of what it must", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 8, max: 128 }), (count, shards) => {
      const before = planPlacement(units(shards), nodes(count), NOWHERE, ALL_MOVES).target;
      const joined = planPlacement(units(shards), nodes(count + 1), before, ALL_MOVES).target;
      const must = Math.floor(shards / (count + 1));
      expect(movedOwners(before, joined)).toBeLessThanOrEqual(must + 1);
      const left = planPlacement(units(shards), nodes(count), joined, ALL_MOVES).target;
      const held = [...joined.values()].filter(({ owner }) => owner === `node-${count}`).length;
      expect(movedOwners(joined, left)).toBeLessThanOrEqual(held + 1);
      const all = loads(left, nodes(count));
      expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
    }),
  );
});

test("capacity is shared by weight", () => {
  const weighted = [
    { name: "small", weight: 1 },
    { name: "large", weight: 3 },
  ];
  expect(loads(planPlacement(units(64), weighted, NOWHERE, ALL_MOVES).target, weighted)).toEqual([16, 48]);
});

test("the order of nodes and units changes nothing", () => {
  const forward = planPlacement(units(32), nodes(5), NOWHERE, { standbys: 1, movesMax: 4 });
  const backward = planPlacement(units(32).reverse(), nodes(5).reverse(), NOWHERE, {
    standbys: 1,
    movesMax: 4,
  });
  expect(new Map([...backward.target].sort())).toEqual(new Map([...forward.target].sort()));
});

test("standbys are on other nodes than the owner, balanced, and stay where they are", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 2 }), (count, standbys) => {
      const options = { standbys, movesMax: 8 };
      const first = planPlacement(units(64), nodes(count), NOWHERE, options).target;
      const copies = new Map<string, number>();
      for (const { owner, standbys: names } of first.values()) {
        expect(names).toHaveLength(Math.min(standbys, count - 1));
        expect(new Set([owner, ...names]).size).toBe(names.length + 1);
        for (const name of names) copies.set(name, (copies.get(name) ?? 0) + 1);
      }
      const mean = (64 * Math.min(standbys, count - 1)) / count;
      expect(Math.max(...copies.values())).toBeLessThanOrEqual(Math.ceil(mean) + 1);
      expect(planPlacement(units(64), nodes(count), first, options).target).toEqual(first);
    }),
  );
});

test("the shards of a node that is gone go to their standbys, at once, however few moves are allowed", () => {
  const before = planPlacement(units(64), nodes(4), NOWHERE, { standbys: 1, movesMax: 1 }).target;
  const survivors = nodes(4).filter(({ name }) => name !== "node-1");
  const after = planPlacement(units(64), survivors, before, { standbys: 1, movesMax: 0 }).target;
  const orphans = [...before].filter(([, { owner }]) => owner === "node-1");
  const toStandby = orphans.filter(([unit, { standbys }]) => after.get(unit)?.owner === standbys[0]);
  expect(orphans.length).toBeGreaterThan(0);
  expect(toStandby.length).toBeGreaterThanOrEqual(orphans.length * 0.8);
  expect([...after.values()].every(({ owner }) => owner !== undefined && owner !== "node-1")).toBe(true);
});

test("while owners live, a plan moves no more of them than it may, and plans that follow settle", () => {
  let current: ReadonlyMap<string, UnitPlacement> = planPlacement(
    units(64),
    nodes(2),
    NOWHERE,
    ALL_MOVES,
  ).target;
  let rounds = 0;
  while (true) {
    const plan = planPlacement(units(64), nodes(6), current, { standbys: 0, movesMax: 4 });
    expect(plan.moves.length).toBeLessThanOrEqual(4);
    current = plan.target;
    if (plan.moves.length === 0) break;
    rounds++;
  }
  expect(rounds).toBe(11); // 42 shards must move, four at a time.
});

test("200 nodes and 4,096 shards settle within 16 rounds of 256 moves after each change of membership", () => {
  const random = seededRandom(7);
  const all = nodes(220);
  const there = new Set(all.slice(0, 200));
  let current: ReadonlyMap<string, UnitPlacement> = new Map();
  let worst = 0;
  for (let change = 0; change < 12; change++) {
    for (let n = 0; n < 1 + Math.floor(random() * 10); n++) {
      const node = all[Math.floor(random() * all.length)]!;
      if (there.has(node) && there.size > 150) there.delete(node);
      else there.add(node);
    }
    let rounds = 0;
    while (true) {
      const plan = planPlacement(units(4_096), [...there], current, { standbys: 1, movesMax: 256 });
      current = plan.target;
      if (plan.moves.length === 0) break;
      rounds++;
    }
    worst = Math.max(worst, rounds);
    const counts = loads(current, [...there]);
    expect(Math.max(...counts) / (4_096 / there.size)).toBeLessThanOrEqual(1.15);
  }
  expect(worst).toBeLessThanOrEqual(16);
}, 30_000);
