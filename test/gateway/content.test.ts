import { expect, test } from "vitest";
import type { ContentAnswer, ShardContentRequest } from "../../src/content/content-answer.ts";
import { ContentRates } from "../../src/content/content-rates.ts";
import { encodeRatesRelease } from "../../src/content/rates-release.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import type { RatesReply } from "../../src/gateway/describe-rates.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import type { ChosenContent } from "../../src/resonance/decision-id.ts";
import { anEvent, gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";

type World = Awaited<ReturnType<typeof gatewayWorld>>;

const CATALOGUE = {
  placements: [{ name: "home", map: "life" }],
  items: [
    { id: "b", placements: ["home"], until: "2030-01-01T00:00:00Z", cap: { impressions: 2, per: "1d" } },
    { id: "a", placements: ["home"], eligible: { trait: "plan", equals: "pro" } },
    { id: "c", placements: ["home"] },
  ],
};
const HOUR_MS = 3_600_000;
const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

async function aWorld(given = { isPatient: true }): Promise<World> {
  const world = await gatewayWorld(given);
  await world.define();
  await world.ask("content.put", CATALOGUE);
  return world;
}

/** Lets a user's shard answer, and tells what it was asked. */
async function serve(world: World, user: string, answer: (users: readonly string[]) => unknown) {
  const asked: ShardContentRequest[] = [];
  const shard = shardOf(user, SHARDS);
  await world.bus.serve(world.subjects.shard(shard, "content"), ({ data }) => {
    const request = decode(data) as ShardContentRequest;
    asked.push(request);
    const answers = request.users.map((one) =>
      encodeReply(answer([one]), request.type ?? "application/msgpack"),
    );
    return { data: encode({ answers, epoch: 1 }), contentType: "application/msgpack" };
  });
  return asked;
}

test("a request's context reaches the shard as numbers, beside requests without one", async () => {
  const world = await aWorld();
  const asked = await serve(world, "ada", (users) => ({ users }));
  await Promise.all([
    world.ask("content", { user: "ada", placement: "home" }),
    world.ask("content", { user: "ada", placement: "home", context: { language: "de-CH" } }),
  ]);
  const arrival = [...arrivalOf({ language: "de" })!];
  expect(asked).toMatchObject([{ users: ["ada", "ada"], arrivals: [null, arrival] }]);
  const refused = await world.ask("content", { user: "ada", placement: "home", context: { language: 5 } });
  expect(refused.reply.error).toMatchObject({ code: "WRONG_TYPE" });
});

/** Publishes rates in which b is clicked more than c. */
async function publishRates(world: World): Promise<void> {
  const rates = new ContentRates();
  for (let i = 0; i < 400; i++)
    for (const [content, every] of [
      ["b", 4],
      ["c", 40],
    ] as const) {
      const who = { segments: ["new"], shares: [1] };
      const outcome = { placement: "home", content, shownAtMs: NOW_MS - 2 * HOUR_MS, who };
      rates.add({ ...outcome, kind: "shown" });
      if (i % every === 0) rates.add({ ...outcome, kind: "clicked" });
    }
  await world.releases.put("rates.3", encodeRatesRelease({ atMs: NOW_MS, rates, trust: new Map() }));
  await world.releases.put("rates.current", new TextEncoder().encode('{"version":3}'));
}

test("a catalogue is told in the words that put it, and is in force in every shard's log", async () => {
  const world = await aWorld();
  expect((await world.ask("content.get", {})).value).toMatchObject({
    version: 1,
    placements: [{ name: "home", map: "life", policy: "mixture", timeout: 1_800_000 }],
    items: [{ id: "b", cap: { impressions: 2, per: 86_400_000 } }, CATALOGUE.items[1], { id: "c" }],
  });
  const { version: _, ...again } = (await world.ask("content.get", {})).value as Record<string, unknown>;
  expect((await world.ask("content.put", again)).value).toEqual({ version: 1 });
  expect((await world.ask("content.put", { ...CATALOGUE, items: [] })).value).toEqual({ version: 2 });
  for (const shard of shards)
    expect((await world.entries(shard)).slice(1)).toEqual([
      { kind: "content-activated", version: 1 },
      { kind: "content-activated", version: 2 },
    ]);
});

test.each([
  { change: { placements: [{ name: "home", map: "lief" }] }, where: "placements.0.map" },
  { change: { items: [{ id: "a", placements: ["hmoe"] }] }, where: "items.0.placements" },
  { change: { items: [{ id: "a", placements: ["home"], color: 1 }] }, where: "items.0" },
])("a catalogue that breaks a rule at $where is refused there, and nothing changes", async (one) => {
  const world = await aWorld();
  const { reply } = await world.ask("content.put", { ...CATALOGUE, ...one.change });
  expect(reply.error).toMatchObject({ code: "BAD_CONTENT", message: expect.stringContaining(one.where) });
  expect((await world.ask("content.get", {})).value).toMatchObject({ version: 1 });
});

test("the user's shard chooses, for all that ask at the same time together", async () => {
  const world = await aWorld();
  const asked = await serve(world, "ada", ([user]) => ({ user, content: "b" }));
  const body = { user: "ada", placement: "home" };
  const both = await Promise.all([world.ask("content", body), world.ask("content", body)]);
  expect(both.map(({ value }) => value)).toEqual([
    { user: "ada", content: "b" },
    { user: "ada", content: "b" },
  ]);
  expect(asked).toMatchObject([{ placement: "home", users: ["ada", "ada"], askers: ["", ""] }]);
});

test.each([
  ["no shard answers", {}, undefined],
  ["the shard does not answer in time", { isPatient: false }, () => new Promise(() => {})],
  [
    "the shard does not know the catalogue yet",
    {},
    () => {
      throw new EngineError({ code: "NO_CONTENT", message: "none", retryable: false });
    },
  ],
] as const)("what is popular is chosen if %s", async (_, given, answer) => {
  const world = await aWorld({ isPatient: true, ...given });
  await publishRates(world);
  const shard = shardOf("ada", SHARDS);
  if (answer !== undefined)
    await world.bus.serve(world.subjects.shard(shard, "content"), async () => {
      await answer();
      return undefined;
    });
  const chosen: string[] = [];
  for (let i = 0; i < 60; i++) {
    const { value } = await world.ask("content", { user: "ada", placement: "home" });
    const answered = value as ContentAnswer;
    expect(answered).toMatchObject({ basis: "popularity", arm: "popularity", position: null, segment: null });
    expect(world.decisions.read(answered.decision).chosen?.propensity).toBeCloseTo(answered.propensity, 9);
    chosen.push(answered.content ?? "");
  }
  expect(chosen).not.toContain("a"); // Whether it may be shown to her is not known here.
  // The first waits for rates no longer than it may, which here is no time at all.
  expect(chosen.filter((content) => content === "b").length).toBeGreaterThan(50);
});

test.each([
  { body: { user: "ada" }, code: "MISSING_FIELD" },
  { body: { placement: "home" }, code: "MISSING_FIELD" },
  { body: { user: "ada", placement: 7 }, code: "WRONG_TYPE" },
  { body: { user: "ada", placement: "home", map: "life" }, code: "UNKNOWN_FIELD" },
  { body: { user: "ada", placement: "nowhere" }, code: "UNKNOWN_PLACEMENT" },
])("a request like $body is refused as $code", async ({ body, code }) => {
  const world = await aWorld();
  expect((await world.ask("content", body)).reply.error).toMatchObject({ code, retryable: false });
});

const CHOSEN: ChosenContent = { catalogue: 1, placement: 0, content: 2, arm: 0, propensity: 0.25 };

function idOf(world: World, user: string, chosen: ChosenContent | undefined): string {
  const place = {
    kind: "known",
    key: 0,
    applied: 9,
    lastSequence: 8,
    atMs: NOW_MS,
    map: 0,
    digest: 1,
  } as const;
  return world.decisions.next({ ...place, ...(chosen === undefined ? {} : { chosen }) }, user);
}

test("an event is stored with what its decision had chosen, also under an earlier catalogue", async () => {
  const world = await aWorld();
  await world.ask("content.put", { ...CATALOGUE, items: CATALOGUE.items.slice(0, 1) });
  const decision = idOf(world, "ada", CHOSEN);
  const { value } = await world.ask("ingest", anEvent({ type: "click", decision }));
  expect(value).toMatchObject({ accepted: 1, refused: [] });
  expect((await world.entries(shardOf("ada", SHARDS))).at(-1)).toMatchObject({
    type: "click",
    decision,
    feedback: {
      placement: "home",
      map: "life",
      content: "c",
      chosenMs: NOW_MS,
      propensity: expect.closeTo(0.25, 9),
    },
  });
});

test("a decision that chose nothing is kept as it is, and one that is not this user's is refused alone", async () => {
  const world = await aWorld();
  const events = [
    anEvent({ id: "e1", decision: idOf(world, "ada", undefined) }),
    anEvent({ id: "e2", decision: idOf(world, "bob", CHOSEN) }),
    anEvent({ id: "e3", decision: "made-up" }),
    anEvent({ id: "e4", decision: idOf(world, "ada", { ...CHOSEN, catalogue: 9 }) }),
    anEvent({ id: "e5" }),
  ];
  const { accepted, refused } = (await world.ask("ingest", { events })).value as IngestReply;
  expect(accepted).toBe(2);
  expect(refused.map(({ index, code }) => [index, code])).toEqual([
    [1, "BAD_DECISION"],
    [2, "BAD_DECISION"],
    [3, "BAD_DECISION"],
  ]);
  const entries = await world.entries(shardOf("ada", SHARDS));
  expect(entries.filter((entry) => "feedback" in entry)).toEqual([]);
});

test("rates are told with their intervals, for all users and by segment", async () => {
  const world = await aWorld({ isPatient: false });
  await publishRates(world);
  const { value } = await world.ask("content.rates", { placement: "home", content: "b" });
  const { version, placements } = value as RatesReply;
  expect(version).toBe(3);
  const [{ contents } = { contents: [] }] = placements;
  expect(contents.map(({ content }) => content)).toEqual(["b"]);
  const [overall, fresh, loyal] = contents[0]?.rates ?? [];
  expect([overall, fresh, loyal].map((one) => one?.segment)).toEqual([null, "new", "loyal"]);
  expect(fresh?.shown).toBeCloseTo(400, -1);
  for (const rate of [overall, fresh, loyal]) {
    const [low, high] = rate?.interval ?? [1, 0];
    expect(low).toBeLessThan(rate?.rate ?? 0);
    expect(high).toBeGreaterThan(rate?.rate ?? 1);
  }
  const width = (interval: readonly [number, number] = [0, 0]) => interval[1] - interval[0];
  expect(width(loyal?.interval)).toBeGreaterThan(width(fresh?.interval)); // Nobody loyal has seen it.
});
