import { expect, test } from "vitest";
import { TopRates } from "../../../src/cli/top/top-rates.ts";
import { endpointCounts, type TopSample } from "../../../src/cli/top/top-sample.ts";
import type { StatusReply } from "../../../src/gateway/status.ts";

test("rates are what has been counted between two looks, by their time", () => {
  const rates = new TopRates();
  const first = rates.add(aSample({ atMs: 0, events: 100, answered: 10, entered: 1 }));
  expect([first.eventsPerSecond, first.scoresPerSecond, first.endpoints]).toEqual([null, null, []]);
  const second = rates.add(aSample({ atMs: 2_000, events: 300, answered: 30, entered: 5 }));
  expect([second.eventsPerSecond, second.scoresPerSecond]).toEqual([100, 10]);
  expect(second.endpoints).toEqual([{ endpoint: "score", perSecond: 10, meanMs: 2, failedPerSecond: 0 }]);
  expect(second.segments).toEqual([{ segment: "shop/loyal", enteredPerSecond: 2, leftPerSecond: 0 }]);
  expect(second.eventsBefore).toEqual([100]);
});

test("a shard that has changed its owner, or a gateway that has started again, is not counted backwards", () => {
  const rates = new TopRates();
  rates.add(aSample({ atMs: 0, events: 1_000, answered: 1_000 }));
  const after = rates.add(aSample({ atMs: 1_000, events: 5, answered: 5, owner: "b" }));
  expect([after.shards[0]?.eventsPerSecond, after.eventsPerSecond]).toEqual([null, 0]);
  expect(after.scoresPerSecond).toBe(0);
});

test("refusals of gateways that answer by turns are added up", () => {
  const rates = new TopRates();
  rates.add(aSample({ atMs: 0, node: "a", refused: 10 }));
  rates.add(aSample({ atMs: 1_000, node: "b", refused: 100 }));
  const last = rates.add(aSample({ atMs: 2_000, node: "a", refused: 14 }));
  expect(last.refusals).toEqual([{ code: "BAD_ID", count: 114, perSecond: 2 }]);
});

test("what may not be seen is not told as nothing", () => {
  const rates = new TopRates();
  rates.add(aSample({ atMs: 0, isReader: true }));
  expect(rates.add(aSample({ atMs: 1_000, isReader: true })).scoresPerSecond).toBeNull();
});

test("troubles are told in words", () => {
  const { status, ...sample } = aSample({ atMs: 0 });
  const shards = [...status.shards, { shard: 1, ready: false as const, lag: null }];
  const { troubles } = new TopRates().add({ ...sample, status: { ...status, shards } });
  expect(troubles).toEqual(["1 shards are not answered for", "2 dead letters"]);
});

test("the counts of another service, or of a node that counts otherwise, are left out", () => {
  const answer = (name: string, data: unknown) => ({
    name,
    id: "i",
    endpoints: [{ name: "score", subject: "resonance.v1.score", data }],
  });
  const data = { answered: 3, failed: 1, refused: 0, totalMs: 6 };
  expect(endpointCounts(answer("resonance", data), "resonance")).toEqual([
    { instance: "i", endpoint: "score", ...data },
  ]);
  for (const other of [answer("other", data), answer("resonance", null), null, { name: "resonance" }, 3])
    expect(endpointCounts(other, "resonance")).toEqual([]);
});

type Given = Readonly<{
  atMs: number;
  events?: number;
  answered?: number;
  entered?: number;
  refused?: number;
  owner?: string;
  node?: string;
  isReader?: boolean;
}>;

function aSample(given: Given): TopSample {
  const { atMs, events = 0, answered = 0, entered = 0, refused = 0, owner = "a", node = "a" } = given;
  const shard = { shard: 0, ready: true, node: owner, events, lag: 3, users: 1, resident: 1, deadLetters: 2 };
  const status = {
    node,
    ready: true,
    shards: [{ ...shard, diskFull: false }],
    cluster: { nodes: [], units: [] },
    drift: null,
    lag: 3,
    users: 1,
    gateway: { refused: refused === 0 ? {} : { BAD_ID: refused }, refusing: [] },
  } as unknown as StatusReply;
  const counted = {
    instance: "i",
    endpoint: "score",
    answered,
    failed: 0,
    refused: 0,
    totalMs: 2 * answered,
  };
  return {
    atMs,
    timeMs: atMs,
    status,
    statusMs: 1,
    endpoints: given.isReader ? null : [counted],
    transitions: given.isReader ? null : new Map([["shop/loyal", { entered, left: 0 }]]),
  };
}
