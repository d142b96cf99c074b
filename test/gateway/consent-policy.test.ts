import { expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../src/privacy/consent/policy.ts";
import { anEvent, gatewayWorld, SHARDS } from "./gateway-world.ts";

const EU = { regions: { eu: { countries: ["DE"], purposes: { personalisation: "opt-in" } } } };

test("before any is put the engine's own policy is in force", async () => {
  const world = await gatewayWorld();
  expect((await world.ask("privacy.get", {})).value).toEqual({ ...DEFAULT_POLICY, regions: {} });
});

test("a policy has the next version, holds here at once, and every shard's log is told from where it holds", async () => {
  const world = await gatewayWorld();
  const there = (id: string) => anEvent({ id, context: { country: "DE" } });
  expect((await world.ask("ingest", there("a"))).value).toMatchObject({ accepted: 1 });
  expect((await world.ask("privacy.put", EU)).value).toEqual({ version: 1 });
  for (let shard = 0; shard < SHARDS; shard++)
    expect((await world.entries(shard)).at(-1)).toEqual({ kind: "policy-activated", version: 1 });
  expect((await world.ask("ingest", there("b"))).value).toMatchObject({
    accepted: 0,
    refused: [{ index: 0, code: "NO_CONSENT" }],
  });
  expect(world.gateway.counters.dropped).toEqual({ "personalisation.not-given": 1 });
  expect(world.gateway.counters.refused).toEqual({ NO_CONSENT: 1 });
});

test("what get tells can be put again, and what is unchanged keeps its version", async () => {
  const world = await gatewayWorld();
  const file = { ...EU, families: { commerce: "analytics" }, location: { epsilon: 1, cells: ["u2", "u3"] } };
  await world.ask("privacy.put", file);
  const { version, ...told } = (await world.ask("privacy.get", {})).value as Record<string, unknown>;
  expect(version).toBe(1);
  expect((await world.ask("privacy.put", told)).value).toEqual({ version: 1 });
  expect((await world.ask("privacy.put", {})).value).toEqual({ version: 2 });
});

test("a policy that is wrong is refused, and the one before stays in force", async () => {
  const world = await gatewayWorld();
  await world.ask("privacy.put", EU);
  const { reply } = await world.ask("privacy.put", { purposes: { location: "maybe" } });
  expect(reply.error).toMatchObject({
    code: "BAD_POLICY",
    message: expect.stringContaining("purposes.location"),
  });
  expect((await world.ask("privacy.get", {})).value).toMatchObject({ version: 1 });
});

test("a policy that was put through another gateway holds after a refresh", async () => {
  const world = await gatewayWorld();
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const opted = { ...DEFAULT_POLICY.purposes, personalisation: "opt-in" };
  await world.releases.put("privacy.4", bytes({ ...DEFAULT_POLICY, version: 4, purposes: opted }));
  await world.releases.put("privacy.current", bytes({ version: 4 }));
  await world.gateway.refreshPolicy();
  expect((await world.ask("ingest", anEvent())).value).toMatchObject({ refused: [{ code: "NO_CONSENT" }] });
});

test("of who refuses only the answer is stored, and of a batch only the events that may not be are refused", async () => {
  const world = await gatewayWorld();
  const events = [
    anEvent({ id: "a", item: "secret", consent: { personalisation: false } }),
    anEvent({ id: "b", item: "shoe" }),
  ];
  expect((await world.ask("ingest", { events })).value).toMatchObject({ accepted: 2, refused: [] });
  const stored = (
    await Promise.all(Array.from({ length: SHARDS }, (_, shard) => world.entries(shard)))
  ).flat();
  expect(stored.map((entry) => ("type" in entry ? [entry.type, entry.item] : []))).toEqual([
    ["consent", undefined],
    ["view", "shoe"],
  ]);
});

test("how somebody comes is not passed on where a yes would be needed first", async () => {
  const world = await gatewayWorld();
  await world.define();
  await world.ask("privacy.put", EU);
  const asked = await world.serveShards();
  for (const country of ["DE", "US"])
    await world.ask("score", { user: "ada", context: { device: "phone", country } });
  const told = asked.map(
    ({ request }) => (request as { arrivals?: readonly unknown[] }).arrivals?.[0] ?? null,
  );
  expect(told).toEqual([null, expect.anything()]);
});

test("status tells the policy, what was dropped here, and by purpose what the shards have withheld", async () => {
  const world = await gatewayWorld();
  await world.ask("privacy.put", EU);
  await world.serveShards();
  await world.ask("ingest", anEvent({ context: { country: "DE" } }));
  expect((await world.ask("status", {})).value).toMatchObject({
    consent: {
      policy: 1,
      withheld: 4 * SHARDS,
      withdrawals: SHARDS,
      by: {
        withheld: { "location.place.not-given": 3 * SHARDS, "text.mood.refused": SHARDS },
        withdrawals: { text: SHARDS },
      },
    },
    gateway: { dropped: { "personalisation.not-given": 1 } },
  });
});
