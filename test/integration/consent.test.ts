import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { LoggedDecision } from "../../src/content/content-answer.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { unpackFeatureEvent } from "../../src/features/pack-feature-event.ts";
import type { PolicyReply } from "../../src/gateway/consent-policy.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { TALLIES } from "../../src/profiles/all-tallies.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import { releasesOf } from "../../src/releases.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { unpackChunk } from "../../src/shards/ring-tail.ts";
import { startNats } from "../start-nats.ts";
import { foldAgain } from "./fold-again.ts";
import { jsonFile } from "./json-file.ts";
import { untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);
const subjects = subjectsOf("resonance");
const SHARDS = 2;
const RING = 64;
/** The encoder stays the one that serves before any fit, whose ledger has all samples. */
const SEGMENTS = {
  maps: [{ name: "taste", segments: ["jazz", "rock"], window: { bucket: "1h", buckets: 48 } }],
};
const CATALOGUE = {
  placements: [{ name: "home", map: "taste" }],
  items: [{ id: "jazz-night", placements: ["home"] }],
};
const POLICY = {
  regions: { eu: { countries: ["DE"], purposes: { personalisation: "opt-in", analytics: "opt-in" } } },
};
const MEMBERS = ["ann", "bob", "cyd", "dan", "mover", "gone"];
const MUNICH = { lat: 48.14, lon: 11.58 };

test("where an opt-out holds and where it does not, what is refused is not kept, and what is taken back leaves contexts and profiles to the last bit", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-consent-"));
  const data = join(folder, "node");
  const write = (name: string, value: unknown) => jsonFile(folder, name, value);
  const options = [
    ...["--nats", nats.url, "--data", data, "--shards", String(SHARDS), "--ring", String(RING)],
    ...[
      "--segments",
      await write("segments.json", SEGMENTS),
      "--content",
      await write("content.json", CATALOGUE),
    ],
    ...["--policy", await write("policy.json", POLICY), "--publish-every", "50", "--no-refit"],
  ];
  let node = await startNodeProcess(options);
  const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "consent test");
  const visitors = new Visitors(client);
  try {
    const policy = ["privacy", "policy", "get", "--nats", nats.url, "--json"];
    const { stdout } = await run(process.execPath, [MAIN, ...policy]);
    expect(JSON.parse(stdout) as PolicyReply).toMatchObject({
      version: 1,
      regions: { eu: { countries: ["de"] } },
    });

    // In a region of opt-in nothing is kept without a yes; elsewhere it is, unless there was a no.
    expect(await visitors.act("shy", { context: { country: "DE" }, item: "a" })).toEqual(["NO_CONSENT"]);
    expect(await visitors.act("shy", { item: "a" })).toEqual(["NO_CONSENT"]); // It may be there.
    expect(await visitors.score("shy")).toMatchObject({ known: false });
    const agreed = { context: { country: "DE" }, consent: { personalisation: true } };
    expect(await visitors.act("frank", { ...agreed, item: "a" })).toEqual([]);
    expect(await visitors.score("frank")).toMatchObject({ known: true });

    const us = { context: { country: "US", device: "phone" } };
    for (const [u, user] of MEMBERS.entries()) {
      await visitors.act(user, {
        ...us,
        type: "identify",
        segments: { taste: u % 2 === 0 ? "jazz" : "rock" },
      });
      for (let i = 0; i < 12; i++)
        await visitors.act(user, { ...us, item: `${user}-${i}`, ts: -i * 3_600_000 });
    }
    for (let i = 0; i < 8; i++)
      await visitors.act("mover", { ...us, item: "map", location: MUNICH, consent: { location: true } });
    expect(await visitors.content("gone")).toMatchObject({ basis: "member" });

    // Both take something back, one before a crash and one after it.
    await visitors.act("mover", { ...us, type: "consent", consent: { location: false } });
    await node.kill();
    node = await startNodeProcess(options);
    await visitors.act("gone", { ...us, type: "consent", consent: { personalisation: false } });
    for (let i = 0; i < 5; i++) await visitors.act("gone", { ...us, item: "later" });
    await visitors.act("mover", { ...us, item: "later", location: MUNICH });
    await visitors.act("dan", { ...us, consent: { analytics: false } });
    for (const user of ["ann", "bob", "cyd"]) await visitors.act(user, { ...us, item: "last" });

    expect(await visitors.score("gone")).toMatchObject({ known: false, reason: "consent" });
    expect(await visitors.content("gone")).toMatchObject({
      basis: "popularity",
      reason: "consent",
      segment: null,
    });
    for (const user of ["dan", "ann"])
      expect(await visitors.content(user)).toMatchObject({ basis: "member" });
    const status = await untilFolded(client);
    expect(status.consent.policy).toBe(1);
    expect(status.consent.withdrawals).toBeGreaterThanOrEqual(1); // The crash has taken some counts along.
    expect(status.consent.withheld).toBeGreaterThanOrEqual(5);
    expect(status.gateway.dropped).toEqual({ "location.not-given": 1, "personalisation.refused": 1 });
    await untilProfilesFolded(client, nats.url);
    const shown = await run(process.execPath, [MAIN, "status", "--nats", nats.url]);
    expect(shown.stdout).toContain("consent by policy v1: dropped here");

    expect(await node.stop()).toBe(0);
    const connection = await connectNats({ servers: [nats.url], name: "consent test" });
    try {
      await expectContextsOfOneRun(connection, data);
      await expectNothingLeft(data);
      await expectNothingStored(connection);
      await expectProfilesWithout(connection, data);
      const decided = await decisionsOf(connection);
      // The crash may have taken some along, but none of these.
      const basesOf = (named: string) => decided.filter(([, user]) => user === named).map((row) => row[5]);
      expect(basesOf("gone")).toContain("popularity");
      expect(basesOf("ann")).toEqual(["member"]);
      expect(basesOf("dan")).toEqual([]);
    } finally {
      await connection.close();
    }
  } finally {
    await node.kill();
    await client.close();
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}, 120_000);

type Connection = Awaited<ReturnType<typeof connectNats>>;

/** Those who visit, and what they are answered. */
class Visitors {
  readonly #client: Client;
  #serial = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  /** @param more - `ts` is from now, ms. @returns Codes of refusals. */
  async act(
    user: string,
    { ts = 0, ...more }: Readonly<Record<string, unknown>>,
  ): Promise<readonly string[]> {
    const event = { id: `e${++this.#serial}`, user, type: "view", ts: Date.now() + Number(ts), ...more };
    const { refused, positions } = (await this.#client.ask("ingest", event)) as IngestReply;
    if (positions.length > 0) await this.#client.ask("score", { user, atLeast: positions }); // What follows contains it.
    return refused.map(({ code }) => code);
  }

  score(user: string): Promise<unknown> {
    return this.#client.ask("score", { user });
  }

  content(user: string): Promise<unknown> {
    return this.#client.ask("content", { user, placement: "home" });
  }
}

/** Waits until the profile actor has committed what the stream of samples holds: all shards' outputs are there by then. */
async function untilProfilesFolded(client: Client, url: string): Promise<void> {
  const connection = await connectNats({ servers: [url], name: "consent test" });
  const log = await NatsLog.over(connection);
  for (let quiet = 0, before = -1; quiet < 5; ) {
    const { last } = await log.bounds(subjects.samples);
    const { release } = (await client.ask("status", {})) as StatusReply;
    quiet = release !== null && last === before ? quiet + 1 : 0;
    before = last;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await connection.close();
}

async function expectContextsOfOneRun(connection: Connection, data: string): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) {
    const again = await foldAgain(connection, subjects, { shard, ringEvents: RING });
    const held = lmdbContextStore(join(data, "shards", String(shard)));
    expect(held.users()).toBe(again.users());
    for (const [user, bytes] of again.contexts()) {
      expect(Buffer.from(held.load(user) ?? []).equals(bytes), user).toBe(true);
      expect(held.loadRing(user), user).toEqual(again.loadRing(user));
    }
    await held.close();
  }
}

/** Of what was taken back there is nothing in the contexts and the rings. */
async function expectNothingLeft(data: string): Promise<void> {
  const read = async (user: string) => {
    const held = lmdbContextStore(join(data, "shards", String(shardOf(user, SHARDS))));
    const bytes = held.load(user);
    if (bytes === undefined) throw new Error(`nothing is held of ${user}`);
    const context = decodeContext(user, Uint8Array.from(bytes));
    const chunks = [...held.loadRing(user).map(([, chunk]) => Uint8Array.from(chunk)), context.tail.bytes];
    await held.close();
    return { context, events: chunks.flatMap((chunk) => unpackChunk(chunk)).map(unpackFeatureEvent) };
  };
  const place = 1 << FEATURES.families.findIndex(({ name }) => name === "place");
  const mover = await read("mover");
  expect(mover.events).toHaveLength(21);
  expect(mover.events.every(({ cellHash }) => cellHash === 0)).toBe(true);
  expect(mover.context.mask & place).toBe(0);
  const gone = await read("gone");
  expect(gone.events).toEqual([]);
  expect(gone.context).toMatchObject({ events: 0, mask: 0, isMember: false });
  expect([gone.context.labels.size, gone.context.traits.size]).toEqual([0, 0]);
}

/** What the gateway dropped is in no log: of who refuses, only that they do; where a yes was missing, nothing. */
async function expectNothingStored(connection: Connection): Promise<void> {
  const log = await NatsLog.over(connection);
  const stored: Behaviour[] = [];
  for (let shard = 0; shard < SHARDS; shard++)
    for (const data of await messagesOf(log, subjects.shardLog(shard)))
      for (const entry of decodeEntries(data)) if (entry.kind === "behaviour") stored.push(entry);
  expect(stored.filter(({ user }) => user === "shy")).toEqual([]);
  const {
    id: _,
    tsMs: __,
    ...refusal
  } = stored.find(({ user, type }) => user === "gone" && type === "consent")!;
  expect(refusal).toEqual({
    ...{ kind: "behaviour", user: "gone", type: "consent" },
    ...{ context: { country: "US" }, consent: { personalisation: false } },
  });
  const last = stored.findLast(({ user }) => user === "mover");
  expect(last).toMatchObject({ item: "later" });
  expect(last).not.toHaveProperty("cell");
}

/**
 * The node's profiles equal, to the last bit, those of a run that never saw who is gone, nor anything of who moved from before
 * they took their location back.
 */
async function expectProfilesWithout(connection: Connection, data: string): Promise<void> {
  const log = await NatsLog.over(connection);
  const held = lmdbProfileStore(join(data, "profiles"));
  const once = memoryProfileStore();
  const state = new ProfileState(once, TALLIES);
  const batches: SampleBatch[] = [];
  for (const message of await messagesOf(log, subjects.samples)) {
    const batch = readSampleMessage(message);
    if (batch !== undefined && !("control" in batch)) batches.push(batch);
  }
  const removals = new Map(
    batches.flatMap((batch) => (batch.removals ?? []).map(({ user, sequence }) => [user, sequence] as const)),
  );
  expect([...removals.keys()].sort()).toEqual(["gone", "mover"]);
  const definitions = (await definitionsOf(connection)).maps;
  state.useMaps(definitions, 1);
  for (const [i, { removals: _, samples, ...rest }] of batches.entries()) {
    const left = samples.filter(({ user, sequence }) => sequence >= (removals.get(user) ?? 0));
    expect(left.map(({ user }) => user)).not.toContain("gone"); // Nothing is sampled of who refused.
    state.apply(i + 1, { ...rest, samples: left });
  }
  await once.commit(state.takeCommit());
  expect(sumsOf(held, state.encoder)).toEqual(sumsOf(once, state.encoder));
  const members = (store: ProfileStore) =>
    store.membersAfter(state.encoder, undefined, 100).map(([user, bytes]) => [user, [...bytes]]);
  expect(members(held)).toEqual(members(once));
  expect(members(once).map(([user]) => user)).toEqual(["ann", "bob", "cyd", "dan", "mover"]);
  await held.close();
}

function sumsOf(store: ProfileStore, encoder: string): ReadonlyMap<string, readonly number[]> {
  return new Map([...store.sums(encoder)].map(([key, bytes]) => [key, [...bytes]]));
}

async function definitionsOf(connection: Connection) {
  const definitions = await releasesOf(await natsBlobStore(connection, subjects)).segments(1);
  if (definitions === undefined) throw new Error("the definitions are gone");
  return definitions;
}

async function decisionsOf(connection: Connection): Promise<readonly LoggedDecision[]> {
  const log = await NatsLog.over(connection);
  const messages = await messagesOf(log, subjects.decisions);
  return messages.flatMap((data) => decode(data) as LoggedDecision[]);
}

async function messagesOf(log: NatsLog, stream: string): Promise<readonly Uint8Array[]> {
  const { last } = await log.bounds(stream);
  if (last === 0) return [];
  const reader = await log.read(stream, 1);
  const messages: Uint8Array[] = [];
  for (let read = 0; read < last; )
    for (const { sequence, data } of await reader.next(500)) {
      read = sequence;
      messages.push(Uint8Array.from(data));
    }
  await reader.close();
  return messages;
}
