import { expect, test } from "vitest";
import type { KeyValue } from "../../src/actors/key-value.ts";
import type { Lease, UnitCopy } from "../../src/actors/unit-copy.ts";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { type ClusterAgent, DEFAULT_TIMING, joinCluster } from "../../src/supervisor/cluster-agent.ts";
import type { Unit } from "../../src/supervisor/plan-cluster.ts";
import { localDeadline } from "../../src/supervisor/session.ts";
import { VirtualTime } from "../sim/virtual-time.ts";

const UNITS: readonly Unit[] = [
  ...Array.from({ length: 6 }, (_, i) => ({ name: `shard-${i}`, role: "shards" as const })),
  { name: "profiles", role: "profiles" as const },
];

type TestNode = {
  readonly name: string;
  agent: ClusterAgent;
  /** Cuts the node off from the table. */
  isCutOff: boolean;
  /** Units that would answer at this moment, with their epochs. */
  answering(): Map<string, number>;
  fail(unit: string): void;
};

/** Nodes whose copies only note what they are told. @param closesInMs - How long a copy takes to close. */
function aCluster(standbys: 0 | 1 | 2 = 1, closesInMs = 0) {
  const time = new VirtualTime();
  const table = memoryKeyValue();
  const nodes = new Map<string, TestNode>();
  /** Every answerer of each epoch of a unit: there must be one. */
  const answerers = new Map<string, Set<string>>();
  /** Copies that have their stores at this moment, and the most of one unit that one node ever had. */
  const open = new Map<string, number>();
  let openMax = 0;
  let ids = 0;
  let generations = 0;

  const join = async (name: string): Promise<TestNode> => {
    const leases = new Map<string, Lease>();
    const failures = new Map<string, (error: Error) => void>();
    const deadline = localDeadline();
    const start = async (unit: string): Promise<UnitCopy> => {
      const done = Promise.withResolvers<void>();
      failures.set(unit, done.reject);
      const store = `${name} ${unit}`;
      open.set(store, (open.get(store) ?? 0) + 1);
      openMax = Math.max(openMax, open.get(store) ?? 0);
      return {
        done: done.promise,
        async own(lease) {
          leases.set(unit, lease);
          const key = `${unit}@${lease.epoch}`;
          answerers.set(key, (answerers.get(key) ?? new Set()).add(`${name}#${lease.session}`));
        },
        drain: () => time.sleep(5),
        rest: async () => void leases.delete(unit),
        lag: async () => 0,
        async stop() {
          leases.delete(unit);
          if (closesInMs > 0) await time.sleep(closesInMs);
          open.set(store, (open.get(store) ?? 0) - 1);
          done.resolve();
        },
      };
    };
    const node: TestNode = {
      name,
      agent: undefined as unknown as ClusterAgent,
      isCutOff: false,
      answering: () =>
        new Map([...leases].filter(([, lease]) => lease.isHeld()).map(([unit, { epoch }]) => [unit, epoch])),
      fail: (unit) =>
        failures.get(unit)?.(new EngineError({ code: "STORE_FAILED", message: "told to", retryable: false })),
    };
    nodes.set(name, node);
    node.agent = await joinCluster(
      {
        table: throughWire(table, time, node),
        clock: time,
        random: seededRandom(name.length * 31 + (name.charCodeAt(name.length - 1) ?? 0)),
        sleep: time.sleep,
        newId: () => `id-${++ids}`,
        deadline,
        newGeneration: async () => generations++,
        start,
        report: () => {},
      },
      {
        name,
        roles: ["shards", "profiles"],
        weight: 1,
        units: UNITS,
        standbys,
        movesMax: 2,
        timing: DEFAULT_TIMING,
      },
    );
    return node;
  };
  /** Joins while time passes. */
  const joined = async (name: string): Promise<TestNode> => {
    let node: TestNode | undefined;
    void join(name).then((made) => {
      node = made;
    });
    await time.until(() => node !== undefined, 10_000);
    if (node === undefined) throw new Error(`${name} did not join`);
    return node;
  };
  const allAnswered = (): boolean =>
    UNITS.every(({ name }) => [...nodes.values()].some((node) => node.answering().has(name)));
  const isSettled = (): boolean =>
    allAnswered() &&
    [...nodes.values()].every(({ agent, isCutOff }) => {
      const { units } = agent.status();
      return (
        isCutOff ||
        units.every(
          (unit) => unit.serving && unit.next === null && unit.ready.length === unit.standbys.length,
        )
      );
    });
  return { time, table, nodes, joined, allAnswered, isSettled, answerers, openMax: () => openMax };
}

/** A table that answers after a while, or not at all. */
function throughWire(table: KeyValue, time: VirtualTime, node: { isCutOff: boolean }): KeyValue {
  const reach = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    await time.sleep(1);
    if (node.isCutOff) {
      await time.sleep(1_000);
      throw new EngineError({ code: "KEY_VALUE_UNAVAILABLE", message: "cut off", retryable: true });
    }
    const result = await act();
    await time.sleep(1);
    return result;
  };
  return {
    get: (key) => reach(() => table.get(key)),
    swap: (...given) => reach(() => table.swap(...given)),
    remove: (...given) => reach(() => table.remove(...given)),
    entries: (prefix) => reach(() => table.entries(prefix)),
    watch: (prefix, changed) =>
      reach(() =>
        table.watch(prefix, (change) => {
          if (!node.isCutOff) time.after(1, () => changed(change));
        }),
      ),
  };
}

const ownersOf = (node: TestNode): number =>
  [...node.agent.roles().values()].filter((role) => role === "owner").length;

test("one node alone owns everything within a second", async () => {
  const { time, joined, isSettled } = aCluster();
  const node = await joined("a");
  expect(await time.until(isSettled, 1_000)).toBe(true);
  expect(node.answering().size).toBe(UNITS.length);
});

test("a node that joins gets its share, by hand-over, and every unit is answered at every moment", async () => {
  const { time, joined, isSettled, allAnswered } = aCluster();
  const a = await joined("a");
  await time.until(isSettled, 5_000);
  const b = await joined("b");
  let gaps = 0;
  await time.until(() => {
    if (!allAnswered()) gaps++;
    return isSettled() && ownersOf(b) >= 3;
  }, 20_000);
  expect(gaps).toBe(0);
  expect([ownersOf(a), ownersOf(b)].sort()).toEqual([3, 4]);
});

test("when a node falls silent its units are answered by others within 3 s, and one node answers an epoch", async () => {
  const { time, joined, isSettled, nodes, answerers, allAnswered } = aCluster();
  for (const name of ["a", "b", "c"]) await joined(name);
  await time.until(isSettled, 20_000);
  const dead = nodes.get("b");
  if (dead === undefined) throw new Error("b is missing");
  dead.isCutOff = true;
  await time.until(() => dead.answering().size === 0, 5_000); // Its own patience ends first.
  const beganMs = time.monotonicMs();
  expect(await time.until(allAnswered, 5_000)).toBe(true);
  expect(time.monotonicMs() - beganMs).toBeLessThan(1_500);
  const ownerOf = (name: string) => nodes.get(nodes.get("a")?.agent.ownerOf(name) ?? "");
  expect(await time.until(() => UNITS.every(({ name }) => ownerOf(name) !== undefined), 1_000)).toBe(true);
  for (const { name } of UNITS) expect(ownerOf(name)?.answering().has(name), name).toBe(true);
  dead.isCutOff = false;
  // It joins again, and gets its share.
  expect(await time.until(() => isSettled() && ownersOf(dead) > 0, 30_000)).toBe(true);
  for (const [epoch, names] of answerers) expect([...names], epoch).toHaveLength(1);
});

test("a node that stops hands everything over first", async () => {
  const { time, joined, isSettled, nodes, allAnswered } = aCluster();
  for (const name of ["a", "b", "c"]) await joined(name);
  await time.until(isSettled, 20_000);
  const leaving = nodes.get("a"); // The planner itself.
  let gaps = 0;
  let stopped = false;
  void leaving?.agent.stop(20_000).then(() => {
    stopped = true;
  });
  await time.until(() => {
    if (!allAnswered()) gaps++;
    return stopped;
  }, 30_000);
  expect(stopped).toBe(true);
  nodes.delete("a");
  expect(await time.until(isSettled, 20_000)).toBe(true);
  expect(gaps).toBe(0);
});

test("a copy that fails gives its unit to a standby, and is started again", async () => {
  const { time, joined, isSettled, nodes } = aCluster();
  await joined("a");
  await joined("b");
  await time.until(isSettled, 20_000);
  const owner = [...nodes.values()].find((node) => node.answering().has("shard-0"));
  owner?.fail("shard-0");
  const other = [...nodes.values()].find((node) => node !== owner);
  expect(await time.until(() => other?.answering().has("shard-0") === true, 1_000)).toBe(true);
  expect(await time.until(isSettled, 20_000)).toBe(true);
});

test("a copy that is slow to close is waited for: no second one is opened over its store", async () => {
  const { time, joined, isSettled, openMax } = aCluster(0, 15_000);
  const node = await joined("a");
  await time.until(isSettled, 5_000);
  node.fail("shard-0");
  await time.pass(14_000);
  expect(node.answering().has("shard-0")).toBe(false);
  expect(await time.until(() => node.answering().has("shard-0"), 2_000)).toBe(true);
  expect(openMax()).toBe(1);
});

test("a table that is lost is made anew, and epochs go on growing", async () => {
  const { time, table, joined, isSettled, nodes } = aCluster();
  await joined("a");
  await joined("b");
  await time.until(isSettled, 20_000);
  const before = Math.max(...[...nodes.values()].flatMap((node) => [...node.answering().values()]));
  for (const { key, revision } of await table.entries("")) await table.remove(key, revision);
  await time.pass(1_000);
  expect(await time.until(isSettled, 30_000)).toBe(true);
  const after = [...nodes.values()].flatMap((node) => [...node.answering().values()]);
  expect(Math.min(...after)).toBeGreaterThan(before);
});

test("a table that nobody reaches for a while changes no owner", async () => {
  const { time, joined, isSettled, nodes, allAnswered } = aCluster();
  for (const name of ["a", "b", "c"]) await joined(name);
  await time.until(() => isSettled() && [...nodes.values()].every((node) => ownersOf(node) >= 2), 20_000);
  const epochs = (): string =>
    JSON.stringify(UNITS.map(({ name }) => [...nodes.values()].map((node) => node.answering().get(name))));
  const before = epochs();
  for (const node of nodes.values()) node.isCutOff = true;
  await time.pass(8_000);
  expect(allAnswered()).toBe(false);
  for (const node of nodes.values()) {
    node.isCutOff = false; // The first to reach it is the one to judge the others.
    await time.pass(500);
  }
  await time.pass(5_000);
  expect(epochs()).toBe(before);
});
