import { expect, test } from "vitest";
import type { UnitCopy } from "../src/actors/unit-copy.ts";
import { NodeReadiness } from "../src/node-readiness.ts";
import type { ClusterAgent, ClusterStatus } from "../src/supervisor/cluster-agent.ts";
import type { UnitRole } from "../src/supervisor/unit-keeper.ts";

const UNITS = ["shard-0", "shard-1", "profiles"];

/** A node `a` of a cluster that is as the test says, under a clock that the test moves. */
function aNode() {
  let nowMs = 0;
  let isConnected = true;
  let isMember = true;
  const owners = new Map<string, string>();
  const roles = new Map<string, UnitRole>();
  const status = (): ClusterStatus => ({
    nodes: [],
    units: UNITS.map((unit) => ({
      unit,
      owner: owners.get(unit) ?? null,
      epoch: 1,
      serving: owners.has(unit),
      next: null,
      standbys: [],
      ready: [],
    })),
  });
  const agent: ClusterAgent = {
    done: Promise.resolve(),
    status,
    isMember: () => isMember,
    ownerOf: (unit) => owners.get(unit),
    copiesOf: () => [],
    roles: () => roles,
    changes: () => ({ taken: 0, given: 0, lost: 0 }),
    stop: async () => {},
  };
  const readiness = new NodeReadiness({
    node: "a",
    units: UNITS,
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
    isConnected: () => isConnected,
  });
  readiness.follow(agent);
  return {
    readiness,
    codes: () => readiness.now().reasons.map(({ code }) => code),
    after(ms: number) {
      readiness.now(); // What was so until now was seen.
      nowMs += ms;
    },
    own(...units: readonly string[]) {
      for (const unit of units) {
        owners.set(unit, "a");
        roles.set(unit, "owner");
      }
    },
    lose: (unit: string) => void owners.delete(unit),
    failAt: (unit: string) => void roles.set(unit, "none"),
    connected(is: boolean) {
      isConnected = is;
    },
    member(is: boolean) {
      isMember = is;
    },
  };
}

/** A copy so far behind its log. */
function aCopy(lag: number) {
  const done = Promise.withResolvers<void>();
  const state = { lag };
  const copy: UnitCopy = {
    done: done.promise,
    own: async () => {},
    drain: async () => {},
    rest: async () => {},
    lag: async () => state.lag,
    stop: async () => done.resolve(),
  };
  return { copy, state };
}

const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A node that has become ready with all units. */
async function aReadyNode() {
  const node = aNode();
  node.own(...UNITS);
  for (const unit of UNITS) node.readiness.watch(unit, aCopy(0).copy);
  await turns();
  node.after(1_000);
  expect(node.codes()).toEqual([]);
  return node;
}

test("a node is ready once each unit is answered for and its own have caught up, and not before", async () => {
  const node = aNode();
  expect(node.codes()).toEqual(["UNITS_UNSERVED", "CATCHING_UP"]);
  node.own(...UNITS);
  const behind = aCopy(100_000);
  node.readiness.watch("shard-0", behind.copy);
  for (const unit of UNITS.slice(1)) node.readiness.watch(unit, aCopy(0).copy);
  await turns();
  node.after(60_000);
  expect(node.readiness.now().reasons).toMatchObject([
    { code: "CATCHING_UP", message: "still reading the log of shard-0" },
  ]);
  behind.state.lag = 10;
  await turns();
  expect(node.codes()).toEqual([]);
});

test("what is placed here may still change until it has been the same for a second", async () => {
  const node = aNode();
  node.own("shard-0", "profiles");
  for (const unit of UNITS) node.readiness.watch(unit, aCopy(0).copy);
  await turns();
  node.after(900);
  node.own("shard-1");
  node.after(900);
  expect(node.codes()).toEqual(["CATCHING_UP"]);
  node.after(100);
  expect(node.codes()).toEqual([]);
});

test("a unit that comes later catches up while others answer, and takes no node out", async () => {
  const node = await aReadyNode();
  node.readiness.watch("shard-1", aCopy(100_000).copy);
  node.after(10_000);
  expect(node.codes()).toEqual([]);
});

test("a unit that changes hands is missed only after the 6 s for which requests wait", async () => {
  const node = await aReadyNode();
  node.lose("shard-1");
  node.after(6_000);
  expect(node.codes()).toEqual([]);
  node.after(1);
  expect(node.readiness.now().reasons).toMatchObject([
    { code: "UNITS_UNSERVED", message: "nobody answers for shard-1" },
  ]);
  node.own("shard-1");
  expect(node.codes()).toEqual([]);
});

test("a unit is not answered for because the table says so: the node's copy must be there", async () => {
  const node = await aReadyNode();
  node.failAt("profiles");
  node.after(6_001);
  expect(node.codes()).toEqual(["UNITS_UNSERVED"]);
});

test("a node without NATS, without its lease, or told to stop is not ready at once", async () => {
  const node = await aReadyNode();
  node.connected(false);
  node.member(false);
  expect(node.codes()).toEqual(["NATS_LOST", "NOT_IN_CLUSTER"]);
  node.connected(true);
  node.member(true);
  expect(node.codes()).toEqual([]);
  node.readiness.stopping();
  expect(node.codes()).toEqual(["STOPPING"]);
});
