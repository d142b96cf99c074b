import fc from "fast-check";
import { expect, test } from "vitest";
import { waitMs } from "../../sdk/src/back-off.ts";
import { openTelemetryTrace } from "../../sdk/src/propagation.ts";
import { ResonanceError } from "../../sdk/src/resonance-error.ts";
import { HASH_NAME, SEED, shardOf } from "../../sdk/src/shard-of.ts";
import { ShardWays } from "../../sdk/src/shard-ways.ts";
import { shardOf as engineShardOf, SHARD_SEED } from "../../src/kernel/hash.ts";

/** Ways in a world in which the number of shards is told as asked, or not. */
function aWorld(reply: () => unknown, isWanted = true) {
  let nowMs = 0;
  let asked = 0;
  const ask = async () => {
    asked++;
    const told = reply();
    if (told instanceof Error) throw told;
    return told;
  };
  const ways = new ShardWays(ask, () => nowMs, isWanted);
  return { ways, asked: () => asked, pass: (ms: number) => (nowMs += ms) };
}

const told = (shards: number, name: string = HASH_NAME) => ({ shards, hash: { name, seed: SEED } });
const failure = (code: string) => new ResonanceError({ code, message: code, retryable: true });

test("a user's shard is the one that the engine computes", () => {
  expect(SEED).toBe(SHARD_SEED);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 1024 }), (user, shards) => {
      expect(shardOf(user, shards)).toBe(engineShardOf(user, shards));
    }),
  );
  expect(["ada", "bob", "zoë"].map((user) => shardOf(user, 8))).toEqual([3, 2, 6]);
});

test("a gateway is asked until the number of shards is known, which is asked for once", async () => {
  const { ways, asked } = aWorld(() => told(8));
  expect([ways.to("ada"), ways.to("bob")]).toEqual([undefined, undefined]);
  await ways.learn();
  expect([ways.to("ada"), ways.to("bob"), asked()]).toEqual([3, 2, 1]);
});

test("an owner that does not answer is left alone for a second, the others are not", async () => {
  const { ways, pass } = aWorld(() => told(8));
  await ways.learn();
  for (const code of ["TIMEOUT", "NO_RESPONDERS", "NOT_OWNER"]) {
    expect(ways.failed(3, failure(code))).toBe(true);
    expect([ways.to("ada"), ways.to("bob")]).toEqual([undefined, 2]);
    pass(1_001);
    expect(ways.to("ada")).toBe(3);
  }
});

test("a shard that is not the user's means another number of shards: it is learnt anew", async () => {
  let shards = 8;
  const { ways } = aWorld(() => told(shards));
  await ways.learn();
  shards = 16;
  expect(ways.failed(3, failure("WRONG_SHARD"))).toBe(true);
  expect(ways.to("ada")).toBe(undefined);
  await ways.learn();
  expect(ways.to("ada")).toBe(shardOf("ada", 16));
});

test("who may not is not asking again, until the connection is made anew", async () => {
  const { ways } = aWorld(() => told(8));
  await ways.learn();
  expect(ways.failed(3, failure("FORBIDDEN"))).toBe(true);
  expect([ways.to("ada"), ways.to("bob")]).toEqual([undefined, undefined]);
  ways.renewed();
  expect(ways.to("ada")).toBe(3);
});

test("an engine that does not tell, or hashes in another way, is asked over its gateways", async () => {
  for (const reply of [failure("NO_RESPONDERS"), failure("FORBIDDEN"), told(8, "another")]) {
    const { ways } = aWorld(() => reply);
    await ways.learn();
    expect(ways.to("ada")).toBe(undefined);
  }
  const unwanted = aWorld(() => told(8), false);
  await unwanted.ways.learn();
  expect([unwanted.ways.to("ada"), unwanted.asked()]).toEqual([undefined, 0]);
});

test("any other failure stands", async () => {
  const { ways } = aWorld(() => told(8));
  await ways.learn();
  expect(ways.failed(3, failure("UNKNOWN_MAP"))).toBe(false);
  expect(ways.to("ada")).toBe(3);
});

test("waits grow from the first to the longest one, spread, and are never shorter than asked for", () => {
  const backOff = { firstMs: 50, mostMs: 5_000 };
  const attempt = fc.integer({ min: 1, max: 1_000 });
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(attempt, fc.nat(20_000), chance, (failed, askedMs, chanced) => {
      const ms = waitMs(backOff, failed, askedMs, chanced);
      expect(ms).toBeGreaterThanOrEqual(Math.max(25, askedMs));
      expect(ms).toBeLessThanOrEqual(Math.max(5_000, askedMs * 1.5));
    }),
  );
  expect([1, 2, 3].map((failed) => waitMs(backOff, failed, 0, 0))).toEqual([25, 50, 100]);
});

test("the trace under way is that of OpenTelemetry, if it is there", async () => {
  const api = (fields: Record<string, string>) => ({
    context: { active: () => "here" },
    propagation: {
      inject: (context: unknown, carrier: Record<string, string>) =>
        context === "here" && Object.assign(carrier, fields),
    },
  });
  const traced = await openTelemetryTrace(async () => api({ traceparent: "00-a-b-01" }));
  expect(traced()).toEqual({ traceparent: "00-a-b-01" });
  const untraced = await openTelemetryTrace(async () => api({}));
  expect(untraced()).toBe(undefined);
  const without = await openTelemetryTrace(() => Promise.reject(new Error("not installed")));
  expect(without()).toBe(undefined);
});
