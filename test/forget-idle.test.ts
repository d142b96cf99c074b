import { expect, test } from "vitest";
import type { Lease, UnitCopy } from "../src/actors/unit-copy.ts";
import { memoryContextStore } from "../src/adapters/memory-context-store.ts";
import { MemoryLog } from "../src/adapters/memory-log.ts";
import { decodeEntries } from "../src/events/log-codec.ts";
import type { Control } from "../src/events/log-entry.ts";
import { forgetIdle } from "../src/forget-idle.ts";
import { ByteWriter } from "../src/kernel/byte-writer.ts";
import { Context } from "../src/shards/context.ts";
import { encodeContext } from "../src/shards/context-codec.ts";
import type { ContextStore } from "../src/shards/context-store.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;
const STREAM = "LOG_0";

test("an owner asks for the erasure of who was idle for longer than allowed, and of nobody else", async () => {
  const world = await aWorld({ old: NOW_MS - 91 * DAY_MS, recent: NOW_MS - 89 * DAY_MS, now: NOW_MS });
  await world.during(1_000);
  expect(await world.asked()).toMatchObject([
    { kind: "erase", user: "old", hash: "hash of old", reason: "idle", seen: 7 },
  ]);
  expect(world.reports).toEqual(["shard-0: 1 users were idle for too long: they are being forgotten"]);
});

test("time makes users idle: they are found by a later pass, ten minutes on", async () => {
  const world = await aWorld({ ada: NOW_MS - 90 * DAY_MS + 60_000 });
  await world.during(5_000);
  expect(await world.asked()).toEqual([]);
  await world.during(610_000);
  expect(await world.asked()).toMatchObject([{ user: "ada" }]);
});

test("whoever was only served something is judged by when", async () => {
  const world = await aWorld({ served: 0, servedLately: 0 });
  const exposure = (atMs: number) => ({
    arm: 0,
    hashKey: "",
    atMs,
    covariate: 0,
    values: new Float64Array(),
  });
  await world.hold("served", 0, new Map([["test", exposure(NOW_MS - 100 * DAY_MS)]]));
  await world.hold("servedLately", 0, new Map([["test", exposure(NOW_MS - DAY_MS)]]));
  await world.during(1_000);
  expect(await world.asked()).toMatchObject([{ user: "served" }]);
});

test("a pass asks for some thousand erasures at most, and the next one goes on behind them", async () => {
  const many = Array.from({ length: 5_000 }, (_, i) => [`user-${String(i).padStart(4, "0")}`, 1] as const);
  const world = await aWorld(Object.fromEntries(many));
  await world.during(1_000);
  const first = (await world.asked()).length;
  expect(first).toBeGreaterThanOrEqual(2_000);
  expect(first).toBeLessThan(2_300);
  await world.during(1_300_000);
  const users = (await world.asked()).map((entry) => ("user" in entry ? entry.user : undefined));
  expect(users).toEqual(many.map(([user]) => user)); // Each once, though nothing was erased in between.
});

test("a standby asks for nothing, neither does an owner whose lease is gone", async () => {
  const world = await aWorld({ old: 1 }, false);
  await world.during(2_000);
  expect(await world.asked()).toEqual([]);
  world.lease.held = false;
  await world.copy.own(world.lease);
  await world.during(2_000);
  expect(await world.asked()).toEqual([]);
  world.lease.held = true;
  await world.during(2_000);
  expect(await world.asked()).toHaveLength(1);
});

test("a log that is out of reach is told, and tried again by the next pass", async () => {
  const world = await aWorld({ old: 1 });
  world.fails = true;
  await world.during(2_000);
  expect(world.reports).toEqual([expect.stringContaining("idle users are forgotten later")]);
  world.fails = false;
  await world.during(610_000);
  expect(await world.asked()).toHaveLength(1);
});

/** A shard's copy, owned or not, with users and the times of their newest events; its clock moves with its sleeps. */
async function aWorld(users: Readonly<Record<string, number>>, isOwned = true) {
  let nowMs = NOW_MS;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const log = new MemoryLog(clock);
  await log.ensure(STREAM);
  const store = memoryContextStore();
  const reports: string[] = [];
  const lease = { epoch: 1, session: 1, held: true, isHeld: () => lease.held };
  let ids = 0;
  let untilMs = 0;
  let arrived: () => void = () => {};
  let goOn = Promise.withResolvers<void>();
  const world = {
    lease: lease as Lease & { held: boolean },
    reports,
    fails: false,
    copy: aCopy(),
    hold: (user: string, lastTsMs: number, exposures = new Map()) => hold(store, user, lastTsMs, exposures),
    /** Lets so much time pass. */
    async during(ms: number): Promise<void> {
      const done = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      untilMs = nowMs + ms;
      goOn.resolve();
      goOn = Promise.withResolvers();
      if (world.isRunning()) await done;
    },
    isRunning: () => isOwned || sleeps > 0,
    async asked(): Promise<Control[]> {
      const { last } = await log.bounds(STREAM);
      if (last === 0) return [];
      const reader = await log.read(STREAM, 1);
      const messages = await reader.next(last);
      await reader.close();
      return messages.flatMap(({ data }) => decodeEntries(data)) as Control[];
    },
  };
  let sleeps = 0;
  for (const [user, lastTsMs] of Object.entries(users)) await hold(store, user, lastTsMs);
  world.copy = forgetIdle(world.copy, {
    store,
    log: {
      append: async (stream, messages) => {
        if (world.fails) throw new Error("out of reach");
        return log.append(stream, messages);
      },
    },
    clock,
    async sleep(ms) {
      sleeps++;
      while (nowMs + ms > untilMs) {
        arrived();
        await goOn.promise;
      }
      nowMs += ms;
    },
    newId: () => `id-${++ids}`,
    hashUser: (user) => `hash of ${user}`,
    report: (line) => reports.push(line),
    unit: "shard-0",
    stream: STREAM,
    idleMs: 90 * DAY_MS,
  });
  if (isOwned) await world.copy.own(lease);
  return world;
}

async function hold(
  store: ContextStore,
  user: string,
  lastTsMs: number,
  exposures = new Map(),
): Promise<void> {
  const context = new Context(user, 0, "e");
  context.lastTsMs = lastTsMs;
  context.lastSequence = 7;
  context.exposures = exposures;
  const meta = store.meta() ?? {
    ...{ applied: 7, schema: "s", encoder: "e", encoderOrder: 0, profiles: {}, activatedMs: {} },
    ...{ segments: 0, nextOutbox: 1 },
  };
  const bytes = encodeContext(context, new ByteWriter()).slice();
  await store.commit({ contexts: [[user, bytes]], ring: [], authenticated: [], outbox: [], meta });
}

function aCopy(): UnitCopy {
  const nothing = async (): Promise<void> => {};
  return {
    done: Promise.resolve(),
    own: nothing,
    drain: nothing,
    rest: nothing,
    lag: async () => 0,
    stop: nothing,
  };
}
