import fc from "fast-check";
import { expect, test } from "vitest";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { ByteReader } from "../../src/kernel/byte-reader.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import { LogHistories } from "../../src/shards/log-histories.ts";
import { COUNTED_EVENTS_A_DAY, DAY_MS, HUMAN_ACTS_A_MINUTE, MINUTE_MS, Pace } from "../../src/shards/pace.ts";
import { readPace, writePace } from "../../src/shards/pace-codec.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aHearing, useCatalogue, useLikedRates } from "./a-catalogue.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "./a-shard.ts";

const identify = (given: Partial<Behaviour> = {}) =>
  aView({ type: "identify", segments: { life: "new" }, ...given });
/** Views of one minute. */
const views = (count: number, tsMs = START_MS) => Array.from({ length: count }, () => aView({ tsMs }));
const isBot = (shard: ShardState) => shard.contexts.find("ada")?.pace.isBot;

test("a program that says what it is leaves the profiles, is sampled no more, and is answered on", () => {
  const shard = aShard();
  expect(fold(shard, aView(), identify()).samples).toHaveLength(1);
  const told = fold(shard, aView({ automated: true }));
  expect(told.removals).toEqual([{ sequence: 3, index: 0, user: "ada" }]);
  expect(told.samples).toEqual([]);
  const later = fold(shard, aView(), identify(), aView({ automated: true }));
  expect([later.samples, later.removals]).toEqual([[], []]);
  expect(shard.contexts.find("ada")?.events).toBe(4);
  expect(shard.counters.bots).toBe(1);
});

test("so does who acts faster than anybody can, and not before", () => {
  const shard = aShard();
  const whole = fold(shard, identify({ tsMs: START_MS }), ...views(HUMAN_ACTS_A_MINUTE));
  expect([isBot(shard), whole.removals, whole.samples.length > 0]).toEqual([false, [], true]);
  const over = fold(shard, ...views(1));
  expect([isBot(shard), over.removals.length, over.samples]).toEqual([true, 1, []]);
});

test("who is no member when they are found out never becomes one", () => {
  const shard = aShard();
  expect(fold(shard, ...views(HUMAN_ACTS_A_MINUTE + 1)).removals).toEqual([]);
  expect(fold(shard, identify(), ...views(3, START_MS + DAY_MS)).samples).toEqual([]);
});

test("what is shown to a user, and what a service says of them, is none of their acts", () => {
  const shard = aShard();
  useCatalogue(shard);
  for (let i = 0; i <= HUMAN_ACTS_A_MINUTE; i++)
    fold(shard, aHearing("impression", { decision: `d${i}`, tsMs: START_MS }), identify({ tsMs: START_MS }));
  expect(isBot(shard)).toBe(false);
});

test("the pace is that of one minute: any number of acts is a human's that no minute has too many of", () => {
  const someMinutes = fc.array(
    fc.record({ minute: fc.integer({ min: 0, max: 5 }), acts: fc.integer({ min: 1, max: 700 }) }),
    { maxLength: 12 },
  );
  const holds = (steps: readonly { minute: number; acts: number }[]) => {
    const pace = new Pace();
    const acts = new Map<number, number>();
    let newest = -1;
    let isFast = false;
    for (const { minute, acts: count } of steps) {
      for (let i = 0; i < count; i++) isFast = pace.act(minute * MINUTE_MS + (i % MINUTE_MS)) || isFast;
      if (minute >= newest) acts.set(minute, (minute > newest ? 0 : (acts.get(minute) ?? 0)) + count);
      newest = Math.max(newest, minute);
    }
    expect(isFast).toBe([...acts.values()].some((count) => count > HUMAN_ACTS_A_MINUTE));
  };
  fc.assert(fc.property(someMinutes, holds));
});

test("a context that was stored in between finds the same bot at the same act", () => {
  const [shard, stored] = [aShard(), aShard()];
  const acts = views(HUMAN_ACTS_A_MINUTE + 1);
  for (const one of [shard, stored]) fold(one, identify({ id: "i", tsMs: START_MS }), ...acts.slice(0, 300));
  const context = stored.contexts.find("ada");
  if (context === undefined) throw new Error("nothing is held of ada");
  context.pace = decodeContext("ada", encodeContext(context, new ByteWriter())).pace;
  for (const one of [shard, stored]) {
    expect(fold(one, ...acts.slice(300, HUMAN_ACTS_A_MINUTE)).removals).toEqual([]);
    expect(fold(one, ...acts.slice(HUMAN_ACTS_A_MINUTE)).removals).toHaveLength(1);
  }
});

test("a pace is read as it was written", () => {
  const somePace = fc.record({
    isBot: fc.boolean(),
    minute: fc.integer({ min: -1, max: 0xfffffffe }),
    acts: fc.integer({ min: 0, max: HUMAN_ACTS_A_MINUTE + 1 }),
    day: fc.integer({ min: -1, max: 0xfffffffe }),
    counted: fc.integer({ min: 0, max: COUNTED_EVENTS_A_DAY }),
  });
  const holds = (fields: Omit<Pace, "act" | "count">) => {
    const writer = new ByteWriter();
    writePace(Object.assign(new Pace(), fields), writer);
    expect(readPace(new ByteReader(writer.finish()))).toEqual(Object.assign(new Pace(), fields));
  };
  fc.assert(fc.property(somePace, holds));
});

test("what programs click is in no rate", () => {
  const shard = aShard();
  useCatalogue(shard);
  useLikedRates(shard, 400);
  useProfiles(shard, []);
  const hear = (decision: string) => [
    aHearing("impression", { decision }),
    aHearing("click", { decision }),
    aHearing("purchase", { decision }),
  ];
  expect(fold(shard, ...hear("d1")).tallies).toHaveLength(3);
  fold(shard, aHearing("impression", { decision: "d2" }), aView({ automated: true }));
  expect(fold(shard, aHearing("click", { decision: "d2" }), ...hear("d3")).tallies).toEqual([]);
});

test("programs are none of the members that encoders are fitted on", () => {
  const histories = new LogHistories();
  for (const user of ["ada", "crawler", "script"]) {
    histories.fold(identify({ user }));
    histories.fold(aView({ user, ...(user === "crawler" ? { automated: true } : {}) }));
  }
  for (const view of views(HUMAN_ACTS_A_MINUTE + 1, START_MS + DAY_MS))
    histories.fold({ ...view, user: "script" });
  expect(histories.histories([MAP]).map(({ user }) => user)).toEqual(["ada"]);
});

test("a day of the log has room for so many events of one user, whatever times they name", () => {
  const pace = new Pace();
  const count = (loggedAtMs: number, times: number) =>
    Array.from({ length: times }, () => pace.count(loggedAtMs)).filter(Boolean).length;
  expect(count(START_MS, 2 * COUNTED_EVENTS_A_DAY)).toBe(COUNTED_EVENTS_A_DAY);
  expect(count(START_MS + DAY_MS, 2 * COUNTED_EVENTS_A_DAY)).toBe(COUNTED_EVENTS_A_DAY);
  expect(count(START_MS, 1)).toBe(0); // A clock that went back gives no second day.
});
