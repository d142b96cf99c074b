import { expect, test } from "vitest";
import type { Bus, BusReply } from "../../src/actors/bus.ts";
import { endpointAt } from "../../src/events/endpoint-at.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { shardAsker } from "../../src/gateway/ask-shard.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { encode } from "../../src/kernel/msgpack.ts";

const subjects = subjectsOf("resonance");
const REQUEST = { users: ["ada"] };

test("requests that nobody answers wait together, and are all answered once somebody does", async () => {
  const world = aWorld({ ownedFromMs: 1_000 });
  const ask = shardAsker(world);
  const answers = await Promise.all(Array.from({ length: 500 }, () => ask(0, "score", REQUEST)));
  expect(answers).toHaveLength(500);
  // Each asks once in vain and once with success; in between the shard is asked fifty times a second for all of them.
  expect(world.asked("score")).toBe(1_000);
  expect(world.asked("status")).toBe(50);
});

test("a request that nobody answers is given up after six seconds", async () => {
  const world = aWorld({ ownedFromMs: Number.POSITIVE_INFINITY });
  const asked = shardAsker(world)(0, "score", REQUEST);
  await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDERS", retryable: true });
  expect(world.clock.monotonicMs()).toBeGreaterThanOrEqual(6_000);
  expect(world.clock.monotonicMs()).toBeLessThan(6_100);
});

test("a request that may not wait is given up once neither the owner nor a copy answers", async () => {
  const world = aWorld({ ownedFromMs: Number.POSITIVE_INFINITY });
  const asked = shardAsker(world)(0, "content", { ...REQUEST, placement: "home" }, "once");
  await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDERS", retryable: true });
  expect(world.asked("content")).toBe(1);
  expect(world.clock.monotonicMs()).toBeLessThan(100);
});

test("what an owner answers is not asked again, also if it is an error", async () => {
  const world = aWorld({ ownedFromMs: 0, error: "UNKNOWN_MAP" });
  const asked = shardAsker(world)(0, "score", REQUEST);
  await expect(asked).rejects.toMatchObject({ code: "UNKNOWN_MAP" });
  expect(world.asked("score")).toBe(1);
});

test("a shard without an owner holds up no other", async () => {
  const world = aWorld({ ownedFromMs: Number.POSITIVE_INFINITY, exceptShard: 1 });
  const ask = shardAsker(world);
  ask(0, "score", REQUEST).catch(() => undefined);
  await expect(ask(1, "score", REQUEST)).resolves.toEqual([]);
  expect(world.clock.monotonicMs()).toBeLessThan(100);
});

test("an owner that is known is asked under its own name: one that hangs still has its place in the queue", async () => {
  const world = aWorld({ ownedFromMs: 0, owner: "b" });
  await expect(shardAsker(world)(0, "score", REQUEST)).resolves.toEqual([]);
  expect(world.subjectsAsked).toEqual([subjects.shard(0, endpointAt("score", "b"))]);
});

test("what is known of the owner may be old: a try that fails is followed by one for whoever holds the lease", async () => {
  const world = aWorld({ ownedFromMs: Number.POSITIVE_INFINITY, owner: "gone", exceptShard: 0 });
  await expect(shardAsker(world)(0, "score", REQUEST)).resolves.toEqual([]);
  expect(world.subjectsAsked).toEqual([
    subjects.shard(0, endpointAt("score", "gone")),
    subjects.shard(0, endpointAt("status", "gone")),
    subjects.shard(0, "status"),
    subjects.shard(0, "score"),
  ]);
});

test("what the owner does not answer, a copy answers at once", async () => {
  const world = aWorld({ ownedFromMs: 1_000, copies: ["a", "b"], answering: ["b"] });
  await expect(shardAsker(world)(0, "score", REQUEST)).resolves.toEqual([]);
  const asked = world.subjectsAsked.filter((subject) => !subject.includes("status"));
  expect(asked).toEqual([
    subjects.shard(0, "score"),
    subjects.shard(0, endpointAt("copy-score", "a")),
    subjects.shard(0, endpointAt("copy-score", "b")),
  ]);
  expect(world.clock.monotonicMs()).toBeLessThan(100);
});

test("until the owner answers again, requests are answered by copies without asking it", async () => {
  const world = aWorld({ ownedFromMs: 1_000, copies: ["b"], answering: ["b"] });
  const ask = shardAsker(world);
  for (let request = 0; request < 5; request++) await ask(0, "score", REQUEST);
  expect(world.asked("score")).toBe(1);
  for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
  await ask(0, "score", REQUEST);
  expect(world.asked("score")).toBe(2);
});

test("a shard that nobody wants any more is not looked after for ever", async () => {
  const world = aWorld({ ownedFromMs: Number.POSITIVE_INFINITY, copies: ["b"], answering: ["b"] });
  await shardAsker(world)(0, "score", REQUEST);
  for (let turn = 0; turn < 10_000; turn++) await Promise.resolve();
  expect(world.clock.monotonicMs()).toBeLessThan(3_000);
});

/** A bus on which shards are owned from some time on; time passes only in sleeps. */
function aWorld(given: {
  ownedFromMs: number;
  error?: string;
  exceptShard?: number;
  owner?: string;
  copies?: readonly string[];
  answering?: readonly string[];
}) {
  let nowMs = 0;
  const asked = new Map<string, number>();
  const subjectsAsked: string[] = [];
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const request = async (subject: string): Promise<BusReply> => {
    subjectsAsked.push(subject);
    const [, , , , name = "", node = ""] = subject.split(".");
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const isCopy = name.startsWith("copy-");
    const isOwned = nowMs >= given.ownedFromMs || subject === subjects.shard(given.exceptShard ?? -1, name);
    if (isCopy ? given.answering?.includes(node) !== true : !isOwned)
      throw new EngineError({ code: "NO_RESPONDERS", message: "nobody", retryable: true });
    const reply = { data: encode({ answers: [], epoch: 1 }), contentType: "application/msgpack" };
    if (given.error === undefined) return reply;
    return { ...reply, error: { code: given.error, message: "no", retryable: false } };
  };
  const unused = async (): Promise<never> => {
    throw new Error("not used");
  };
  const bus: Bus = {
    request,
    serve: unused,
    subscribe: unused,
    answer: () => undefined,
    publish: () => undefined,
  };
  return {
    bus,
    clock,
    subjects,
    ownerOf: () => given.owner,
    copiesOf: () => given.copies ?? [],
    subjectsAsked,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
    asked: (name: string) => asked.get(name) ?? 0,
  };
}
