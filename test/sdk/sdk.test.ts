import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Resonance, type ResonanceError, shardOf } from "../../sdk/src/index.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { aNode, type Maps, type Placements, type TestNode } from "./a-node.ts";

let node: TestNode;
let resonance: Resonance<Maps, Placements>;
beforeAll(async () => {
  node = await aNode();
  resonance = await connect<Maps, Placements>({ servers: node.nats.url });
}, 60_000);
afterAll(async () => {
  await resonance?.close();
  await node?.close();
});

const views = (user: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ user, type: "view", item: `item-${i}`, categories: ["music"] }));

/** Asks until the shards are asked directly: until the number of shards is learnt a gateway is. */
async function untilDirect(): Promise<void> {
  while ((await resonance.score("anybody")).way !== "shard");
}

test("an event is stored, and the score after it contains it", async () => {
  const { ids, accepted, refused, positions } = await resonance.ingest({ user: "ada", type: "view" });
  expect([ids.length, accepted, refused]).toEqual([1, 1, []]);
  const { sequence, shard } = positions[0] ?? { sequence: 0, shard: -1 };
  const score = await resonance.score("ada", { map: "taste", atLeast: positions });
  expect(score).toMatchObject({ user: "ada", map: "taste", known: true, evidence: expect.any(Number) });
  expect(score.position).toEqual({ shard, sequence: expect.any(Number) });
  expect(score.position.sequence).toBeGreaterThanOrEqual(sequence);
});

test("a score names the first map unless told otherwise, and as many segments as are wanted", async () => {
  expect(await resonance.score("ada")).toMatchObject({ map: "taste" });
  expect((await resonance.score("ada", { map: "intent" })).segments.map(({ segment }) => segment)).toEqual([
    "buyer",
    "reader",
  ]);
  expect((await resonance.score("ada", { top: 1 })).segments).toHaveLength(1);
});

test("shards are asked without a gateway once their number is known, for both kinds of scores", async () => {
  await untilDirect();
  const status = await resonance.status();
  const score = await resonance.score("zoë");
  expect(score).toMatchObject({ way: "shard", position: { shard: shardOf("zoë", status.shards.length) } });
  const table = await resonance.scoreMany(["ada", "bob", "zoë"]);
  expect(table.ways).toEqual(["shard"]);
});

test("what a shard does not answer itself goes over a gateway: a context, an explanation", async () => {
  await untilDirect();
  const context = { referrer: "https://news.example/" };
  expect(await resonance.score("nobody", { context })).toMatchObject({ way: "gateway", known: false });
  expect(await resonance.score("ada", { explain: true })).toMatchObject({
    way: "gateway",
    explanation: { method: expect.any(String) },
  });
});

test("a table has a row for each user, in their order, with the numbers of their own scores", async () => {
  await resonance.ingest(["ada", "bob", "cy"].flatMap((user, i) => views(user, i + 2)));
  const users = [
    ...Array.from({ length: 1_500 }, (_, i) => `stranger-${i}`),
    "ada",
    "bob",
    "stranger-1",
    "cy",
  ];
  const table = await resonance.scoreMany(users, { map: "taste", fields: ["similarities", "resonating"] });
  expect([table.map, table.segments, table.users.length]).toEqual(["taste", ["jazz", "rock", "folk"], 1_504]);
  expect([table.similarities?.length, table.resonating?.length]).toEqual([4_512, 4_512]);
  for (const row of [0, 999, 1_500, 1_501, 1_502, 1_503]) {
    const score = await resonance.score(users[row] ?? "", { map: "taste" });
    expect(table.known[row]).toBe(score.known ? 1 : 0);
    for (const { segment, probability } of score.segments)
      expect(table.probability(row, segment)).toBeCloseTo(probability, 5);
  }
  expect(() => table.probability(0, "metal" as "jazz")).toThrow(RangeError);
});

test("events that are refused are told by place and code, and never take the others with them", async () => {
  const told: string[] = [];
  const strict = await connect({
    servers: node.nats.url,
    onRefused: ({ id, code }, { user }) => told.push(`${id} ${user} ${code}`),
  });
  const mixed = await strict.ingest([
    { id: "r1", user: "ada", type: "view" },
    { id: "r2", user: "ada", type: "view", ts: "yesterday" },
    { id: "r3", user: "", type: "view" },
  ]);
  expect(mixed.accepted).toBe(1);
  expect(mixed.refused.map(({ index, code }) => [index, code])).toEqual([
    [1, "BAD_TIMESTAMP"],
    [2, "BAD_ID"],
  ]);
  await expect(strict.ingest({ id: "r4", user: "ada", type: "" })).rejects.toMatchObject({
    name: "ResonanceError",
    code: expect.any(String),
    retryable: false,
    detail: { refused: [{ index: 0, id: "r4" }] },
  });
  expect(told.map((line) => line.split(" ")[0]).sort()).toEqual(["r2", "r3", "r4"]);
  await strict.close();
});

test("a content is chosen, and what is heard of it is feedback by its decision", async () => {
  const content = await resonance.content("ada", "home");
  expect(["jazz-night", "rock-fest"]).toContain(content.content);
  expect(await resonance.feedback(content, "impression")).toMatchObject({ accepted: 1, refused: [] });
  expect(await resonance.feedback(content, "click", { item: "ticket" })).toMatchObject({ accepted: 1 });
  await expect(
    resonance.feedback({ user: "bob", decision: content.decision }, "click"),
  ).rejects.toMatchObject({ code: "BAD_DECISION" });
});

test("a member is identified, and consent is taken back", async () => {
  await resonance.identify("mia", { segments: { taste: "jazz" }, traits: { plan: "free" } });
  await resonance.ingest(views("mia", 3));
  const { positions } = await resonance.consent("mia", { personalisation: false });
  expect(await resonance.score("mia", { atLeast: positions })).toMatchObject({ reason: "consent" });
});

test("the rest of the contract is there: session, explain, profiles, definitions, catalogue, status", async () => {
  const first = await resonance.scoreSession(views("visitor", 2), { map: "taste" });
  expect(first).toMatchObject({ map: "taste", token: expect.any(String), way: "gateway" });
  const next = await resonance.scoreSession(views("visitor", 1), { token: first.token });
  expect(next).toMatchObject({ carried: "all" });
  expect(await resonance.explain({ user: "ada", map: "taste" }, { segments: ["folk"] })).toMatchObject({
    answer: { user: "ada" },
    explanation: { map: "taste" },
  });
  const { decision } = await resonance.score("ada");
  expect(await resonance.explain({ decision })).toMatchObject({ answer: { decision } });
  expect((await resonance.profiles()).map(({ map }) => map)).toEqual(["taste", "intent"]);
  expect(await resonance.profiles({ map: "intent", curve: true })).toMatchObject([{ map: "intent" }]);
  expect((await resonance.segments()).maps.map(({ name }) => name)).toEqual(["taste", "intent"]);
  expect((await resonance.catalogue()).items.map(({ id }) => id)).toEqual(["jazz-night", "rock-fest"]);
  expect(await resonance.status()).toMatchObject({ ready: true, shards: [{ shard: 0 }, { shard: 1 }] });
});

test("errors of the engine keep their codes", async () => {
  const failures = [
    resonance.score("", {}),
    resonance.score("ada", { map: "unknown" as "taste" }),
    resonance.content("ada", "nowhere" as "home"),
    resonance.explain({ decision: "made up" }),
  ];
  const codes = await Promise.all(failures.map((one) => one.catch((error: ResonanceError) => error.code)));
  expect(codes).toEqual(["BAD_ID", "UNKNOWN_MAP", "UNKNOWN_PLACEMENT", "BAD_DECISION"]);
});

test("a question that is given up ends at once", async () => {
  const gone = new AbortController();
  gone.abort();
  await expect(resonance.score("ada", { signal: gone.signal })).rejects.toMatchObject({ code: "ABORTED" });
  const going = new AbortController();
  const lost = { shard: shardOf("ada", 2), sequence: 1_000_000_000 };
  const waiting = resonance.score("ada", { atLeast: [lost], signal: going.signal });
  setTimeout(() => going.abort(new Error("the visitor left")), 20);
  await expect(waiting).rejects.toMatchObject({ code: "ABORTED", cause: { message: "the visitor left" } });
});

test("a position that is never reached is told as such when the time is up", async () => {
  const lost = { shard: shardOf("ada", 2), sequence: 1_000_000_000 };
  const waiting = resonance.score("ada", { atLeast: [lost], timeoutMs: 600 });
  await expect(waiting).rejects.toMatchObject({ code: expect.stringMatching(/TIMEOUT|NOT_CAUGHT_UP/) });
});

test("transitions come as they happen, of one map or segment, and a repeat only once", async () => {
  const subjects = subjectsOf("resonance");
  const of = (id: string, map: string, segment: string) => {
    const transition = { id, map, segment, user: "ada", kind: "entered", probability: 0.9, at: 1 };
    resonance.nats.publish(subjects.transition(map, segment), JSON.stringify(transition));
  };
  const all = resonance.transitions();
  const jazz = resonance.transitions({ map: "taste", segment: "jazz" });
  await Promise.all([all.ready, jazz.ready]);
  of("0:1:0", "taste", "rock");
  of("0:2:0", "taste", "jazz");
  of("0:2:0", "taste", "jazz");
  of("0:3:0", "intent", "buyer");
  const heard: string[] = [];
  for await (const { id } of all) if (heard.push(id) === 3) break;
  expect(heard).toEqual(["0:1:0", "0:2:0", "0:3:0"]);
  expect(await all.next()).toEqual({ done: true, value: undefined });
  expect((await jazz.next()).value).toMatchObject({ segment: "jazz", kind: "entered" });
  const last = jazz.next();
  await jazz.return();
  expect(await last).toEqual({ done: true, value: undefined });
});

test("transitions that nobody takes make room for newer ones, and are counted", async () => {
  const dropped: number[] = [];
  const few = resonance.transitions({
    map: "taste",
    bufferMax: 2,
    onDropped: (count) => dropped.push(count),
  });
  await few.ready;
  for (let i = 0; i < 5; i++)
    resonance.nats.publish("resonance.v1.transitions.taste.jazz", JSON.stringify({ id: `0:${i}:9` }));
  await resonance.nats.flush();
  expect([(await few.next()).value?.id, (await few.next()).value?.id]).toEqual(["0:3:9", "0:4:9"]);
  expect([few.dropped, dropped]).toEqual([3, [1, 2, 3]]);
  await few.return();
});

test("a connection that is given stays its owner's", async () => {
  const over = await connect({ connection: resonance.nats });
  expect(await over.score("ada")).toMatchObject({ user: "ada" });
  await over.close();
  expect(resonance.nats.isClosed()).toBe(false);
});

test("a closed client takes nothing more; its transitions end", async () => {
  const short = await connect({ servers: node.nats.url });
  const ended = (async () => {
    for await (const _ of short.transitions()); // Of users of other tests some may come.
  })();
  const late = short.ingest(views("late", 50));
  await short.close();
  expect(await late).toMatchObject({ accepted: 50 });
  await ended;
  await expect(short.ingest({ user: "ada", type: "view" })).rejects.toMatchObject({ code: "CLOSED" });
  await expect(short.score("ada")).rejects.toMatchObject({ code: "CLOSED" });
});

test("where nothing answers, it says what is missing", async () => {
  await expect(connect({ servers: "nats://127.0.0.1:1" })).rejects.toMatchObject({
    code: "NATS_UNREACHABLE",
    retryable: true,
  });
  const secret = connect({ servers: "nats://ada:hush@127.0.0.1:1" });
  expect(String(await secret.catch((thrown: unknown) => thrown))).not.toContain("hush");
  const elsewhere = await connect({ servers: node.nats.url, prefix: "elsewhere" });
  await expect(elsewhere.score("ada", { timeoutMs: 200 })).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  await elsewhere.close();
});

test("the trace under way goes along with every request, the producer's name with events", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const traced = await connect({
    servers: node.nats.url,
    producer: "shop",
    trace: () => ({ traceparent, tracestate: "a=1" }),
  });
  const seen = new Map<string, Record<string, string | undefined>>();
  const listening = resonance.nats.subscribe("resonance.v1.>", {
    callback: (_, { subject, headers }) => {
      const fields = ["traceparent", "tracestate", "Resonance-Producer", "Content-Type"];
      const told = fields.map((name) => [name, headers?.get(name) || undefined] as const);
      seen.set(subject.replace(/\d+$/, "n"), Object.fromEntries(told));
    },
  });
  await resonance.nats.flush();
  const { positions } = await traced.ingest({ user: "ada", type: "view" });
  await traced.score("ada", { atLeast: positions });
  while ((await traced.score("ada")).way !== "shard");
  await traced.scoreMany(["ada"]);
  await resonance.nats.flush();
  listening.unsubscribe();
  await traced.close();
  const trace = { traceparent, tracestate: "a=1" };
  expect(seen.get("resonance.v1.ingest")).toMatchObject({ ...trace, "Resonance-Producer": "shop" });
  for (const subject of ["score", "score.shard.n", "shards"])
    expect(seen.get(`resonance.v1.${subject}`), subject).toMatchObject(trace);
  expect(seen.get("resonance.v1.score.batch.shard.n")).toMatchObject({
    ...trace,
    "Content-Type": "application/msgpack",
  });
});
