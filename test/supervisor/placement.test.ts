import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/kernel/random.ts";
import { type PlacementNode, planPlacement, type UnitPlacement } from "../../src/supervisor/placement.ts";

type Placements = ReadonlyMap<string, UnitPlacement>;

const units = (count: number): string[] => Array.from({ length: count }, (_, i) => `shard-${i}`);
const weighing = (weights: readonly number[]): PlacementNode[] =>
  weights.map((weight, i) => ({ name: `node-${i}`, weight }));
const nodes = (count: number): PlacementNode[] => weighing(new Array<number>(count).fill(1));
const NOWHERE: Placements = new Map();
const ALL_MOVES = { standbys: 0, movesMax: Number.POSITIVE_INFINITY };
const someWeights = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 12 });
const someUnits = fc.integer({ min: 1, max: 160 }).map(units);

/** Units that each node owns, in the order of the nodes. */
function loads(target: Placements, of: readonly PlacementNode[]): number[] {
  const counts = new Map(of.map(({ name }) => [name, 0]));
  for (const { owner = "" } of target.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts.values()];
}

function moved(before: Placements, after: Placements): number {
  return [...after].filter(([unit, { owner }]) => before.get(unit)?.owner !== owner).length;
}

/** The exact share of each node. */
function shares(of: readonly PlacementNode[], count: number): number[] {
  const total = of.reduce((sum, { weight }) => sum + weight, 0);
  return of.map(({ weight }) => (count * weight) / total);
}

/** Owners that must change at least until every node has its share, rounded down or up. */
function movesMin(before: Placements, of: readonly PlacementNode[]): number {
  const owned = of.map(({ name }) => [...before.values()].filter(({ owner }) => owner === name).length);
  const share = shares(of, before.size);
  const sum = (measure: (owned: number, share: number) => number): number =>
    owned.reduce((total, count, i) => total + Math.max(0, measure(count, share[i] ?? 0)), 0);
  const orphans = before.size - owned.reduce((total, count) => total + count, 0);
  const over = sum((count, exact) => count - Math.ceil(exact));
  const lacking = sum((count, exact) => Math.floor(exact) - count);
  return orphans + Math.max(over, lacking - orphans);
}

/** Makes plans until one moves nothing. */
function settle(
  of: readonly PlacementNode[],
  from: Placements,
  options: Parameters<typeof planPlacement>[3],
) {
  let current = from;
  for (let rounds = 0; ; rounds++) {
    const plan = planPlacement([...from.keys()], of, current, options);
    expect(plan.moves.length).toBeLessThanOrEqual(options.movesMax);
    current = plan.target;
    if (plan.moves.length === 0) return { placed: current, rounds };
  }
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  "64 shards over %i nodes: nobody has more than 1.15 of the mean, but for rounding up",
  (count) => {
    const { target } = planPlacement(units(64), nodes(count), NOWHERE, ALL_MOVES);
    const mean = 64 / count;
    const most = Math.max(...loads(target, nodes(count)));
    expect(most).toBeLessThanOrEqual(Math.ceil(mean));
    expect(most / mean).toBeLessThanOrEqual(1.15);
    expect(Math.min(...loads(target, nodes(count)))).toBeGreaterThanOrEqual(Math.floor(mean));
  },
);

test("every node gets its share by weight, rounded down or up, wherever the shards were", () => {
  fc.assert(
    fc.property(someWeights, someUnits, fc.integer(), (weights, names, seed) => {
      const random = seededRandom(seed);
      const somewhere = new Map(
        names.map((name) => [name, { owner: `node-${Math.floor(random() ** 2 * 14)}`, standbys: [] }]),
      );
      const { target } = planPlacement(names, weighing(weights), somewhere, ALL_MOVES);
      const share = shares(weighing(weights), names.length);
      loads(target, weighing(weights)).forEach((count, i) => {
        expect(count).toBeGreaterThanOrEqual(Math.floor(share[i] ?? 0));
        expect(count).toBeLessThanOrEqual(Math.ceil(share[i] ?? 0));
      });
      expect(target.size).toBe(names.length);
    }),
  );
});

test("a node of weight 0 takes nothing, and without any node nothing is placed", () => {
  const { target } = planPlacement(units(8), weighing([1, 0]), NOWHERE, { standbys: 1, movesMax: 8 });
  expect(loads(target, weighing([1, 0]))).toEqual([8, 0]);
  for (const none of [[], weighing([0])]) {
    const empty = planPlacement(units(1), none, NOWHERE, { standbys: 1, movesMax: 8 });
    expect(empty).toEqual({ target: new Map([["shard-0", { owner: undefined, standbys: [] }]]), moves: [] });
  }
});

test("a node that joins or leaves moves within one shard of what it must", () => {
  const standbys = fc.integer({ min: 0, max: 2 });
  fc.assert(
    fc.property(someWeights, someUnits, standbys, fc.nat(), (weights, names, count, pick) => {
      const options = { standbys: count, movesMax: Number.POSITIVE_INFINITY };
      const all = weighing(weights);
      const fewer = all.filter((_, i) => i !== pick % all.length);
      const before = planPlacement(names, fewer, NOWHERE, options).target;
      const joined = planPlacement(names, all, before, options).target;
      expect(moved(before, joined)).toBeLessThanOrEqual(movesMin(before, all) + 1);
      const left = planPlacement(names, fewer, joined, options).target;
      expect(moved(joined, left)).toBeLessThanOrEqual(movesMin(joined, fewer) + 1);
    }),
  );
});

test("of 64 shards on 11 nodes a twelfth gets 5, and when it leaves those 5 go", () => {
  const eleven = planPlacement(units(64), nodes(11), NOWHERE, ALL_MOVES).target;
  const twelve = planPlacement(units(64), nodes(12), eleven, ALL_MOVES).target;
  expect(moved(eleven, twelve)).toBe(5);
  expect(moved(twelve, planPlacement(units(64), nodes(11), twelve, ALL_MOVES).target)).toBe(5);
});

test("a plan changes nothing that is settled", () => {
  fc.assert(
    fc.property(someWeights, someUnits, fc.integer({ min: 0, max: 2 }), (weights, names, standbys) => {
      const options = { standbys, movesMax: 8 };
      const { placed } = settle(
        weighing(weights),
        planPlacement(names, weighing(weights), NOWHERE, options).target,
        options,
      );
      expect(planPlacement(names, weighing(weights), placed, options)).toEqual({ target: placed, moves: [] });
    }),
  );
});

test("the order of nodes and shards changes nothing", () => {
  const orders = fc.tuple(fc.shuffledSubarray(units(40), { minLength: 40 }), fc.nat());
  fc.assert(
    fc.property(orders, someWeights, ([names, seed], weights) => {
      const options = { standbys: 2, movesMax: 4 };
      const random = seededRandom(seed);
      const shuffled = weighing(weights)
        .map((node) => ({ node, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ node }) => node);
      const before = planPlacement(units(40), nodes(3), NOWHERE, options).target;
      const forward = planPlacement(units(40), weighing(weights), before, options);
      const other = planPlacement(names, shuffled, new Map([...before].reverse()), options);
      expect(new Map([...other.target].sort())).toEqual(new Map([...forward.target].sort()));
      expect(other.moves).toEqual(forward.moves);
    }),
  );
});

test("standbys are on other nodes than the owner, after a crash and a join too", () => {
  fc.assert(
    fc.property(someWeights, fc.integer({ min: 1, max: 2 }), (weights, standbys) => {
      const options = { standbys, movesMax: 8 };
      const all = weighing(weights);
      const survivors = [...all.slice(1), { name: "joiner", weight: 2 }];
      const before = planPlacement(units(64), all, NOWHERE, options).target;
      const after = planPlacement(units(64), survivors, before, options).target;
      for (const { owner, standbys: names } of [...before.values(), ...after.values()]) {
        expect(names).toHaveLength(Math.min(standbys, weights.length - 1));
        expect(new Set([owner, ...names]).size).toBe(names.length + 1);
      }
    }),
  );
});

test.each([2, 3, 5, 12, 40])("standbys of 64 shards are balanced over %i nodes, within one", (count) => {
  for (const standbys of [1, 2]) {
    const { target } = planPlacement(units(64), nodes(count), NOWHERE, { standbys, movesMax: 8 });
    const names = [...target.values()].flatMap((placed) => placed.standbys);
    const copies = nodes(count).map(({ name }) => names.filter((one) => one === name).length);
    expect(Math.max(...copies)).toBeLessThanOrEqual(Math.ceil(names.length / count) + 1);
  }
});

test("when a node joins, at most as many standbys change as it gets and owners move", () => {
  const options = { standbys: 1, movesMax: Number.POSITIVE_INFINITY };
  const before = planPlacement(units(64), nodes(5), NOWHERE, options).target;
  const after = planPlacement(units(64), nodes(6), before, options).target;
  const changed = [...after].filter(([unit, { standbys }]) => standbys[0] !== before.get(unit)?.standbys[0]);
  expect(changed.length).toBeLessThanOrEqual(Math.ceil(64 / 6) + moved(before, after));
});

test("the shards of a node that is gone go to their standbys, at once, however few moves are allowed", () => {
  const survivors = nodes(6).filter(({ name }) => name !== "node-1");
  // Every survivor has room for one, and is the standby of one.
  const before = new Map(
    units(30).map((unit, i) => {
      const standby = survivors[Math.floor(i / 6)]?.name ?? "";
      return [unit, { owner: `node-${i % 6}`, standbys: i % 6 === 1 ? [standby] : [] }];
    }),
  );
  const after = planPlacement(units(30), survivors, before, { standbys: 1, movesMax: 0 }).target;
  for (const [unit, { owner, standbys }] of before)
    expect(after.get(unit)?.owner).toBe(owner === "node-1" ? standbys[0] : owner);
});

test("a node that joins gets those first that it has copies of", () => {
  const options = { standbys: 0, movesMax: Number.POSITIVE_INFINITY };
  const before = planPlacement(units(64), nodes(4), NOWHERE, options).target;
  const copied = ["shard-1", "shard-20", "shard-40"];
  const current = new Map(before);
  for (const unit of copied) current.set(unit, { owner: before.get(unit)?.owner, standbys: ["node-4"] });
  const { moves } = planPlacement(units(64), nodes(5), current, options);
  expect(moves.filter(({ unit }) => copied.includes(unit))).toHaveLength(3);
});

test("a move that has begun is planned again, not another, as long as it brings anything", () => {
  const options = { standbys: 0, movesMax: 3 };
  const before = planPlacement(units(64), nodes(4), NOWHERE, options).target;
  const { moves } = planPlacement(units(64), nodes(5), before, options);
  const others = [...before.keys()].filter((unit) => moves.every((move) => move.unit !== unit)).slice(0, 5);
  const begun = new Map(before);
  for (const unit of others)
    begun.set(unit, { owner: before.get(unit)?.owner, standbys: [], next: "node-4" });
  const again = planPlacement(units(64), nodes(5), begun, options).moves;
  expect(again).toHaveLength(3);
  expect(again.every(({ unit }) => others.includes(unit))).toBe(true);

  const vain = new Map(before);
  const elsewhere = before.get("shard-0")?.owner === "node-0" ? "node-1" : "node-0";
  vain.set("shard-0", { owner: before.get("shard-0")?.owner, standbys: [], next: elsewhere });
  expect(planPlacement(units(64), nodes(4), vain, options).moves).toEqual([]);
});

test("while owners live, a plan moves no more of them than it may, and plans that follow settle", () => {
  const before = planPlacement(units(64), nodes(2), NOWHERE, ALL_MOVES).target;
  const { rounds } = settle(nodes(6), before, { standbys: 0, movesMax: 4 });
  expect(rounds).toBe(11); // 42 shards must move, four at a time.
});

test("4,096 shards on 200 nodes that join, leave and crash: none is ever without a live owner, and 4 rounds of 64 moves settle them", () => {
  const options = { standbys: 1, movesMax: 64 };
  const random = seededRandom(7);
  const there = new Map(weighing(Array.from({ length: 200 }, () => 1 + Math.floor(random() * 2))).entries());
  let made = there.size;
  let current = planPlacement(units(4_096), [...there.values()], NOWHERE, options).target;
  let worst = 0;
  for (let change = 0; change < 24; change++) {
    for (let n = Math.floor(random() * 40); n >= 0; n--) {
      if (random() < 0.5) there.delete(Math.floor(random() * made));
      else there.set(made, { name: `node-${made++}`, weight: 1 + Math.floor(random() * 2) });
    }
    const of = [...there.values()];
    current = planPlacement(units(4_096), of, current, options).target;
    expect(loads(current, of)).toHaveLength(of.length); // An owner that is gone would be counted too.
    if (change % 4 !== 3) continue; // Nodes come and go while shards are still on their way.
    const { placed, rounds } = settle(of, current, options);
    current = placed;
    worst = Math.max(worst, rounds);
    const share = shares(of, 4_096);
    expect(Math.max(...loads(placed, of).map((count, i) => count / (share[i] ?? 1)))).toBeLessThanOrEqual(
      1.15,
    );
  }
  expect(worst).toBeLessThanOrEqual(4);
});
