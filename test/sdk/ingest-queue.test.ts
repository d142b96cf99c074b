import fc from "fast-check";
import { expect, test } from "vitest";
import type { Refusal, ResonanceEvent } from "../../sdk/src/event.ts";
import { IngestQueue, type IngestReply, type QueueOptions } from "../../sdk/src/ingest-queue.ts";
import { DEFAULT_QUEUE } from "../../sdk/src/options.ts";
import { ResonanceError } from "../../sdk/src/resonance-error.ts";

type Sent = Readonly<{ id: string; user: string }>;
type Answer = (events: readonly Sent[], attempt: number) => IngestReply | ResonanceError;

/** A queue in a world of its own: an engine that answers as told, and time that passes when it is told to. */
function aWorld(answer: Answer = all, options: Partial<QueueOptions> = {}) {
  let nowMs = 0;
  let ids = 0;
  const timers = new Set<{ atMs: number; act: () => void }>();
  const requests: (readonly Sent[])[] = [];
  const traces: unknown[] = [];
  const refused: Refusal[] = [];
  let trace: Record<string, string> | undefined;
  const queue = new IngestQueue(
    {
      async send(body, fields, attempt) {
        const { events } = JSON.parse(body) as { events: readonly Sent[] };
        requests.push(events);
        traces.push(fields);
        await turn();
        const told = answer(events, attempt);
        if (told instanceof ResonanceError) throw told;
        return told;
      },
      newId: () => `made-${ids++}`,
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      later(ms, act) {
        const timer = { atMs: nowMs + ms, act };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
      chance: () => 0.5,
      trace: () => trace,
      onRefused: (refusal) => refused.push(refusal),
    },
    { ...DEFAULT_QUEUE, ...options },
  );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await turn();
  };
  return {
    queue,
    requests,
    traces,
    refused,
    ingest: (events: readonly ResonanceEvent[], signal?: AbortSignal) => queue.take(events, signal),
    within(fields: Record<string, string>, act: () => void): void {
      trace = fields;
      act();
      trace = undefined;
    },
    settle,
    /** Lets time pass, timer by timer. */
    async pass(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      for (;;) {
        await settle();
        const [next] = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.act();
      }
      nowMs = untilMs;
      await settle();
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const all: Answer = (events) => ({
  accepted: events.length,
  refused: [],
  positions: [{ shard: 0, sequence: events.length }],
});
const failing = (code: string, retryable: boolean, detail = {}) =>
  new ResonanceError({ code, message: code, retryable, detail });
const event = (id: string, user = "ada"): ResonanceEvent => ({ id, user, type: "view", ts: 1 });
const many = (count: number, user = "ada"): ResonanceEvent[] =>
  Array.from({ length: count }, (_, i) => event(`e${i}`, user));

test("events of many calls go in one request, once they have waited for company", async () => {
  const { ingest, pass, requests } = aWorld();
  const calls = [ingest([event("a")]), ingest([event("b"), event("c")])];
  await pass(4);
  expect(requests).toEqual([]);
  await pass(2);
  expect(requests.map((events) => events.map(({ id }) => id))).toEqual([["a", "b", "c"]]);
  expect(await calls[1]?.settled).toMatchObject({
    ids: ["b", "c"],
    accepted: 2,
    positions: [{ sequence: 3 }],
  });
});

test("a full request goes at once, and none is larger than it may be", async () => {
  const { ingest, pass, settle, requests } = aWorld(all, { batchEvents: 10 });
  const call = ingest(many(25));
  await settle();
  expect(requests[0]).toHaveLength(10);
  await pass(10);
  expect(requests.map(({ length }) => length)).toEqual([10, 10, 5]);
  await call.settled;
  const bySize = aWorld(all, { batchBytes: 200 });
  bySize.ingest(many(25));
  await bySize.pass(100);
  expect(bySize.requests.length).toBeGreaterThan(5);
});

test("ids and times are made where they are missing, and the event is taken as it was when it was handed over", async () => {
  const { ingest, pass, requests } = aWorld();
  await pass(7);
  const changed = { user: "ada", type: "view" };
  const call = ingest([changed]);
  changed.user = "eve";
  await pass(10);
  expect(requests).toEqual([[{ user: "ada", type: "view", id: "made-0", ts: 7 }]]);
  expect((await call.settled).ids).toEqual(["made-0"]);
});

test("the events of a user stay in their order, whatever fails", async () => {
  const script = fc.array(fc.constantFrom("fine", "lost", "overloaded", "some"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(script, fc.integer({ min: 1, max: 7 }), async (outcomes, batchEvents) => {
      let at = 0;
      const stored: string[] = [];
      const world = aWorld(
        (events) => {
          const outcome = outcomes[at++] ?? "fine";
          if (outcome === "lost") return failing("TIMEOUT", true);
          if (outcome === "overloaded") return failing("OVERLOADED", true, { retryAfterMs: 40 });
          // The log takes the first half: the others come again.
          const taken = outcome === "some" ? Math.floor(events.length / 2) : events.length;
          for (const { id, user } of events.slice(0, taken)) stored.push(`${user} ${id}`);
          const refused = events.slice(taken).map((_, i) => {
            return { index: taken + i, code: "LOG_UNAVAILABLE", message: "later" };
          });
          return { accepted: taken, refused, positions: [] };
        },
        { batchEvents },
      );
      const events = Array.from({ length: 40 }, (_, i) => event(`e${i}`, `user-${i % 3}`));
      const calls = events.map((one) => world.ingest([one]));
      await world.pass(1_000_000);
      await Promise.all(calls.map(({ settled }) => settled));
      for (const user of ["user-0", "user-1", "user-2"])
        expect(stored.filter((line) => line.startsWith(user))).toEqual(
          events.filter((one) => one.user === user).map(({ id }) => `${user} ${id}`),
        );
    }),
    { numRuns: 25 },
  );
});

test("what may pass is sent again under the same ids, later each time, and not before the engine asks for", async () => {
  const times: number[] = [];
  let failures = 3;
  let askedMs = 0;
  const clock = { nowMs: 0 };
  const world = aWorld(() => {
    times.push(clock.nowMs);
    return failures-- > 0 ? failing("RATE_LIMITED", true, { retryAfterMs: askedMs }) : all([], 0);
  });
  const call = world.ingest([event("a")]);
  const until = async (ms: number): Promise<void> => {
    for (; clock.nowMs < ms; clock.nowMs++) await world.pass(1);
  };
  await until(500);
  await call.settled;
  const waits = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  expect(waits[0]).toBeGreaterThanOrEqual(25);
  expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
  expect(waits[2]).toBeGreaterThan(waits[1] ?? 0);
  expect(new Set(world.requests.flat().map(({ id }) => id))).toEqual(new Set(["a"]));
  failures = 1;
  askedMs = 3_000;
  const asked = world.ingest([event("b")]);
  await world.pass(2_900);
  expect(world.requests.flat().filter(({ id }) => id === "b")).toHaveLength(1);
  await world.pass(2_000);
  expect(await asked.settled).toMatchObject({ accepted: 1 });
});

test("one refused event takes no other with it, and is told with its place, its code and itself", async () => {
  const { ingest, pass, refused } = aWorld((events) => ({
    accepted: events.length - 1,
    refused: [{ index: 1, code: "BAD_ID", message: "no" }],
    positions: [],
  }));
  const call = ingest(many(3));
  await pass(10);
  const [, refusal] = [0, { index: 1, id: "e1", code: "BAD_ID", message: "no" }];
  expect(await call.settled).toMatchObject({ accepted: 2, refused: [refusal] });
  expect(refused).toEqual([refusal]);
});

test("a call of which nothing was stored rejects with the first refusal", async () => {
  const { ingest, pass } = aWorld(() => failing("FORBIDDEN", false));
  const call = ingest(many(2));
  const failed = expect(call.settled).rejects.toMatchObject({
    code: "FORBIDDEN",
    detail: { refused: [{ id: "e0" }, { id: "e1" }] },
  });
  await pass(10);
  await failed;
});

test("a request that is too large is halved until it goes through; an event that alone is too large is refused", async () => {
  const { ingest, pass, requests } = aWorld((events) =>
    events.length > 3 || events.some(({ id }) => id === "e5")
      ? failing("MESSAGE_TOO_LARGE", false)
      : all(events, 0),
  );
  const call = ingest(many(16));
  await pass(1_000);
  expect(await call.settled).toMatchObject({
    accepted: 15,
    refused: [{ id: "e5", code: "MESSAGE_TOO_LARGE" }],
  });
  expect(requests[0]).toHaveLength(16);
});

test("an event at which the engine fails again and again is refused at last, and holds up nobody else", async () => {
  const { ingest, pass } = aWorld((events) =>
    events.some(({ id }) => id === "e5") ? failing("INTERNAL", true) : all(events, 0),
  );
  const call = ingest(many(16));
  await pass(600_000);
  expect(await call.settled).toMatchObject({ accepted: 15, refused: [{ id: "e5", code: "INTERNAL" }] });
});

test("the queue is bounded: what comes on top waits for room, and beyond that is refused", async () => {
  let isOpen = false;
  const world = aWorld((events) => (isOpen ? all(events, 0) : failing("OVERLOADED", true)), {
    queueEvents: 10,
    lanes: 1,
  });
  const first = world.ingest(many(10));
  const second = world.ingest(many(10, "bob"));
  expect(() => world.ingest([event("c")])).toThrow(expect.objectContaining({ code: "QUEUE_FULL" }));
  let isTaken = false;
  void second.taken.then(() => {
    isTaken = true;
  });
  await world.pass(100);
  expect([isTaken, world.queue.size]).toEqual([false, 20]);
  isOpen = true;
  await world.pass(10_000);
  expect(isTaken).toBe(true);
  expect([await first.settled, await second.settled].map(({ accepted }) => accepted)).toEqual([10, 10]);
  expect(world.queue.size).toBe(0);
});

test("bytes bound it, too", async () => {
  const world = aWorld(() => failing("OVERLOADED", true), { queueBytes: 500, lanes: 1 });
  const call = world.ingest(many(50));
  let isTaken = false;
  void call.taken.then(() => {
    isTaken = true;
  });
  await world.pass(100);
  expect(isTaken).toBe(false);
  expect(Math.max(...world.requests.map(({ length }) => length))).toBeLessThan(12);
});

test("flush sends without waiting for company, and returns when all before it is settled", async () => {
  const { ingest, queue, settle, requests } = aWorld();
  ingest(many(3));
  let isFlushed = false;
  void queue.flush().then(() => {
    isFlushed = true;
  });
  expect(isFlushed).toBe(false);
  await settle();
  expect([requests.length, isFlushed]).toEqual([1, true]);
});

test("close drains; what is not stored when the time is up is rejected and counted", async () => {
  const drained = aWorld();
  const fine = drained.ingest(many(3));
  expect(await drained.queue.close(1_000)).toBe(0);
  expect(await fine.settled).toMatchObject({ accepted: 3 });
  expect(() => drained.ingest(many(1))).toThrow(expect.objectContaining({ code: "CLOSED" }));
  const stuck = aWorld(() => failing("NO_RESPONDERS", true));
  const lost = expect(stuck.ingest(many(3)).settled).rejects.toMatchObject({ code: "CLOSED" });
  const closing = stuck.queue.close(1_000);
  await stuck.pass(20_000);
  expect(await closing).toBe(3);
  await lost;
  const asked = stuck.requests.length;
  await stuck.pass(100_000);
  expect(stuck.requests.length).toBe(asked);
});

test("a call that is given up is not sent any more", async () => {
  const { ingest, pass, requests, queue } = aWorld();
  const giving = new AbortController();
  const failed = expect(ingest([event("a")], giving.signal).settled).rejects.toMatchObject({
    code: "ABORTED",
  });
  const kept = ingest([event("b")]);
  giving.abort();
  await failed;
  await pass(10);
  await kept.settled;
  expect(requests.flat().map(({ id }) => id)).toEqual(["b"]);
  expect(queue.size).toBe(0);
});

test("an event may be given up after a time of one's own", async () => {
  const world = aWorld(() => failing("NO_RESPONDERS", true), { giveUpAfterMs: 2_000 });
  const failed = expect(world.ingest(many(1)).settled).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  await world.pass(20_000);
  await failed;
});

test("a request belongs to the trace in which its first event was handed over", async () => {
  const { within, ingest, pass, traces } = aWorld();
  within({ traceparent: "00-1-1-01" }, () => ingest([event("a")]));
  ingest([event("b")]);
  await pass(10);
  expect(traces).toEqual([{ traceparent: "00-1-1-01" }]);
});

test("what is no JSON is refused where it is handed over", () => {
  const { ingest, queue } = aWorld();
  expect(() => ingest([{ ...event("a"), value: 1n as unknown as number }])).toThrow(
    expect.objectContaining({ code: "WRONG_TYPE" }),
  );
  expect(() => ingest([{ ...event("a"), text: "x".repeat(300_000) }])).toThrow(
    expect.objectContaining({ code: "TOO_LARGE" }),
  );
  expect(queue.size).toBe(0);
});
