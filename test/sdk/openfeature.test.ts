import {
  type Client,
  ErrorCode,
  type EvaluationContext,
  OpenFeature,
  ProviderEvents,
  ServerProviderStatus,
  StandardResolutionReasons,
} from "@openfeature/server-sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { connect, type Ingested, type Resonance, type ResonanceEvent } from "../../sdk/src/index.ts";
import { ResonanceProvider } from "../../sdk/src/openfeature.ts";
import { connectClient } from "../../src/cli/client.ts";
import { aNode, CONTENT, DEFINITIONS, type TestNode } from "./a-node.ts";

const { DEFAULT, DISABLED, ERROR, SPLIT, STALE, TARGETING_MATCH } = StandardResolutionReasons;
const ada = { targetingKey: "ada" };

let node: TestNode;
let resonance: Resonance;
let client: Client;
/** What was tracked: the events, and what became of them. */
const tracked: { event: ResonanceEvent; became: Promise<Ingested> }[] = [];
const heard: { event: string; flagsChanged?: string[] | undefined }[] = [];

beforeAll(async () => {
  node = await aNode();
  resonance = await connect({ servers: node.nats.url });
  await teach();
  const provider = new ResonanceProvider({
    connect: { servers: node.nats.url },
    flags: {
      "show-jazz": { kind: "segment", map: "taste", segment: "jazz" },
      "no-such-segment": { kind: "segment", map: "taste", segment: "metal" },
    },
    refreshMs: 200,
    tracking: {
      ingest(event) {
        const became = resonance.ingest(event);
        tracked.push({ event: event as ResonanceEvent, became });
        return became;
      },
    },
  });
  await OpenFeature.setProviderAndWait("shop", provider);
  client = OpenFeature.getClient("shop");
  for (const event of Object.values(ProviderEvents))
    client.addHandler(event as ProviderEvents.Ready, (details) =>
      heard.push({ event, flagsChanged: (details as { flagsChanged?: string[] } | undefined)?.flagsChanged }),
    );
}, 60_000);
afterAll(async () => {
  await OpenFeature.close();
  await resonance?.close();
  await node?.close();
});

/** Members of two segments who do different things, and a visitor who does what those of one do. */
async function teach(): Promise<void> {
  const views = (user: string, category: string) =>
    Array.from({ length: 6 }, (_, i) => ({
      user,
      type: "view",
      item: `${category}-${i}`,
      categories: [category],
    }));
  for (const taste of ["jazz", "rock"])
    for (let i = 0; i < 15; i++) {
      const user = `${taste}-member-${i}`;
      await resonance.identify(user, { segments: { taste, intent: taste === "jazz" ? "buyer" : "reader" } });
      await resonance.ingest(views(user, taste));
    }
  await resonance.ingest(views("ada", "jazz"));
  // Until the profiles have all members, and are in force: then nothing moves any more.
  const patience = { timeout: 50_000, interval: 100 };
  const isInForce = async () => {
    const [published] = await resonance.profiles({ map: "taste" });
    const members = published?.segments.map((segment) => segment.members);
    const { versions } = await resonance.score("ada", { map: "taste" });
    return members?.join() === "15,15,0" && versions.profiles["taste"] === published?.version;
  };
  await vi.waitUntil(isInForce, patience);
}

test("a segment is a flag: whether a user resonates, how likely, and the numbers behind it", async () => {
  const score = await resonance.score("ada", { map: "taste" });
  const jazz = score.segments.find(({ segment }) => segment === "jazz");
  const details = await client.getBooleanDetails("taste.jazz", false, ada);
  expect(details).toMatchObject({
    value: jazz?.resonating,
    variant: jazz?.resonating ? "on" : "off",
    reason: TARGETING_MATCH,
    flagMetadata: {
      map: "taste",
      known: true,
      similarity: expect.any(Number),
      decision: expect.any(String),
      profilesVersion: expect.any(Number),
    },
  });
  expect(details.flagMetadata["probability"]).toBeCloseTo(jazz?.probability ?? -1, 6);
  expect(await client.getNumberValue("taste.jazz", -1, ada)).toBeCloseTo(jazz?.probability ?? -1, 6);
  expect(await client.getNumberValue("show-jazz", -1, ada)).toBeCloseTo(jazz?.probability ?? -1, 6);
  expect(await client.getObjectValue("taste.jazz", {}, ada)).toMatchObject({ segment: "jazz" });
  // Who resonates with a segment of a low threshold is told so.
  expect(await client.getBooleanDetails("intent.buyer", false, ada)).toMatchObject({
    value: true,
    variant: "on",
  });
});

test("a map is a flag: its strongest segment, or the whole distribution", async () => {
  const { segments, none } = await resonance.score("ada", { map: "taste" });
  const all = [{ segment: "none", probability: none }, ...segments];
  const strongest = all.toSorted((a, b) => b.probability - a.probability)[0]?.segment;
  expect(await client.getStringDetails("taste", "?", ada)).toMatchObject({
    value: strongest,
    variant: strongest,
    reason: TARGETING_MATCH,
  });
  const whole = await client.getObjectValue("taste", {}, ada);
  expect(whole).toMatchObject({ map: "taste", none: expect.any(Number), resonating: expect.any(Array) });
  expect(Object.keys((whole as { segments: object }).segments)).toEqual(["jazz", "rock", "folk"]);
});

test("of a stranger the prior is told, as a default", async () => {
  const details = await client.getNumberDetails("taste.jazz", -1, { targetingKey: "stranger" });
  expect(details).toMatchObject({ reason: DEFAULT, flagMetadata: { known: false } });
  expect(details.value).toBeGreaterThanOrEqual(0);
});

test("who may not be personalised for gets the caller's own value", async () => {
  const { positions } = await resonance.consent("carl", { personalisation: false });
  await resonance.score("carl", { atLeast: positions });
  const carl = { targetingKey: "carl" };
  expect(await client.getBooleanDetails("taste.jazz", true, carl)).toMatchObject({
    value: true,
    reason: DISABLED,
  });
  expect(await client.getStringDetails("taste", "mine", carl)).toMatchObject({
    value: "mine",
    reason: DISABLED,
  });
});

test("a placement is a flag: the content that is chosen, and what is tracked about it is its feedback", async () => {
  const details = await client.getStringDetails("content:home", "?", ada);
  expect(["jazz-night", "rock-fest"]).toContain(details.value);
  expect(details).toMatchObject({
    variant: details.value,
    flagMetadata: { placement: "home", decision: expect.any(String), propensity: expect.any(Number) },
  });
  expect(await client.getObjectValue("content:home", {}, ada)).toMatchObject({ content: expect.any(String) });
});

test("what is tracked is an event, with the decision of what was shown before where it tells of that", async () => {
  const { flagMetadata } = await client.getStringDetails("content:home", "?", ada);
  const { decision } = flagMetadata;
  tracked.length = 0;
  client.track("impression", ada, { flag: "content:home" });
  client.track("click", ada, { item: "ticket" });
  client.track("purchase", { targetingKey: "bob" }, { value: 5 });
  client.track("checkout", ada, { value: 99.5, currency: "EUR", cart: { lines: 3 } });
  expect(tracked.map(({ event }) => event)).toEqual([
    { user: "ada", type: "impression", decision },
    { user: "ada", type: "click", item: "ticket", decision },
    { user: "bob", type: "purchase", value: 5 }, // Nothing was chosen for them.
    { user: "ada", type: "checkout", value: 99.5, currency: "EUR" },
  ]);
  for (const { became } of tracked) expect(await became).toMatchObject({ accepted: 1, refused: [] });
});

test("an experiment's arm is a flag, and who is in none gets the caller's own value", async () => {
  expect(await client.getStringDetails("experiment:home", "none", ada)).toMatchObject({
    value: "none",
    reason: DEFAULT,
  });
  const operator = await connectClient({ nats: node.nats.url, data: node.data, prefix: "resonance" }, "test");
  await operator.ask("experiments.define", {
    name: "hero",
    placement: "home",
    arms: [
      { name: "control", policy: "overall" },
      { name: "personal", policy: "mixture" },
    ],
    primary: { event: "click", measure: "converted", atPlacement: true },
  });
  await operator.close();
  await vi.waitUntil(
    async () => (await client.getStringDetails("experiment:home", "none", ada)).reason === SPLIT,
    { timeout: 20_000, interval: 100 },
  );
  const details = await client.getStringDetails("experiment:home", "none", ada);
  expect(["control", "personal"]).toContain(details.value);
  expect(details.flagMetadata).toMatchObject({ experiment: "hero", experimentArm: details.value });
});

test("what can't be resolved gives the caller's own value and says why", async () => {
  const failing = async (
    key: string,
    type: "boolean" | "number" | "string",
    context: EvaluationContext = ada,
  ) => {
    const details =
      type === "boolean"
        ? await client.getBooleanDetails(key, true, context)
        : type === "number"
          ? await client.getNumberDetails(key, 7, context)
          : await client.getStringDetails(key, "mine", context);
    expect([true, 7, "mine"]).toContain(details.value);
    expect(details.reason).toBe(ERROR);
    return details.errorCode;
  };
  expect(await failing("unknown", "boolean")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("taste.metal", "boolean")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("taste.jazz.more", "boolean")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("no-such-segment", "boolean")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("content:nowhere", "string")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("toString", "string")).toBe(ErrorCode.FLAG_NOT_FOUND);
  expect(await failing("taste", "boolean")).toBe(ErrorCode.TYPE_MISMATCH);
  expect(await failing("taste.jazz", "string")).toBe(ErrorCode.TYPE_MISMATCH);
  expect(await failing("content:home", "number")).toBe(ErrorCode.TYPE_MISMATCH);
  expect(await failing("experiment:home", "boolean")).toBe(ErrorCode.TYPE_MISMATCH);
  expect(await failing("taste.jazz", "boolean", {})).toBe(ErrorCode.TARGETING_KEY_MISSING);
  expect(await failing("taste.jazz", "boolean", { targetingKey: "x".repeat(200) })).toBe(
    ErrorCode.INVALID_CONTEXT,
  );
});

test("a provider that can't connect is not ready", async () => {
  const provider = new ResonanceProvider({ connect: { servers: "nats://127.0.0.1:1" } });
  await expect(OpenFeature.setProviderAndWait("nowhere", provider)).rejects.toThrow("NATS");
  const details = await OpenFeature.getClient("nowhere").getBooleanDetails("taste.jazz", true, ada);
  expect(details).toMatchObject({ value: true, errorCode: ErrorCode.PROVIDER_NOT_READY });
});

test("other definitions and contents are told as a change of the flags that follow from them", async () => {
  heard.length = 0;
  const operator = await connectClient({ nats: node.nats.url, data: node.data, prefix: "resonance" }, "test");
  const placements = [...CONTENT.placements, { name: "footer", map: "taste", timeout: "1m" }];
  const items = CONTENT.items.map((item) => ({ ...item, placements: ["home", "footer"] }));
  await operator.ask("content.put", { placements, items });
  await vi.waitUntil(() => changedFlags().includes("content:footer"), { timeout: 20_000, interval: 50 });
  expect(await client.getStringValue("content:footer", "?", ada)).not.toBe("?");
  const maps = [...DEFINITIONS.maps, { name: "season", segments: ["summer", "winter"] }];
  await operator.ask("segments.put", { maps });
  await vi.waitUntil(() => changedFlags().includes("season.winter"), { timeout: 20_000, interval: 50 });
  await operator.close();
});

test("newer profiles are told as a change, too", async () => {
  heard.length = 0;
  await resonance.ingest(
    Array.from({ length: 20 }, (_, i) => ({
      user: `rock-member-${i % 15}`,
      type: "view",
      categories: ["rock"],
    })),
  );
  await vi.waitUntil(() => changedFlags().includes("taste.rock"), { timeout: 20_000, interval: 50 });
});

test("while nothing answers the last answer stands in, and is told as stale", async () => {
  const fresh = await client.getStringValue("taste", "?", ada);
  heard.length = 0;
  await node.process().kill();
  const details = await client.getStringDetails("taste", "?", ada);
  expect(details).toMatchObject({ value: fresh, reason: STALE });
  const unseen = await client.getStringDetails("taste", "mine", { targetingKey: "never seen" });
  expect(unseen).toMatchObject({ value: "mine", reason: ERROR, errorCode: ErrorCode.PROVIDER_NOT_READY });
  await vi.waitUntil(() => heard.some(({ event }) => event === ProviderEvents.Stale), {
    timeout: 20_000,
    interval: 50,
  });
  expect(client.providerStatus).toBe(ServerProviderStatus.STALE);
  await node.up();
  await vi.waitUntil(() => client.providerStatus === ServerProviderStatus.READY, {
    timeout: 20_000,
    interval: 50,
  });
  await vi.waitUntil(
    async () => (await client.getStringDetails("taste", "?", ada)).reason === TARGETING_MATCH,
    {
      timeout: 20_000,
      interval: 50,
    },
  );
}, 90_000);

test("a lost connection is told at once, and so is the one that comes back", async () => {
  heard.length = 0;
  await node.nats.restart();
  await vi.waitUntil(() => heard.some(({ event }) => event === ProviderEvents.Ready), {
    timeout: 20_000,
    interval: 50,
  });
  expect(heard.map(({ event }) => event)).toContain(ProviderEvents.Stale);
});

function changedFlags(): string[] {
  return heard.flatMap(({ event, flagsChanged = [] }) =>
    event === ProviderEvents.ConfigurationChanged ? flagsChanged : [],
  );
}
