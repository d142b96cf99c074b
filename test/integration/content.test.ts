import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { ContentAnswer, LoggedDecision } from "../../src/content/content-answer.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { CatalogueReply } from "../../src/gateway/content-catalogue.ts";
import type { RatesReply, RateView } from "../../src/gateway/describe-rates.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { TALLIES } from "../../src/profiles/all-tallies.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import { tallyTable } from "../../src/profiles/tallies.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { startNats } from "../start-nats.ts";
import { aDeployment } from "./a-deployment.ts";
import { foldAgain } from "./fold-again.ts";
import { jsonFile } from "./json-file.ts";
import { untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

const SHARDS = 2;
const RING = 16;
const HOUR_MS = 3_600_000;
const TASTES = ["jazz", "rock"] as const;
const SEGMENTS = { maps: [{ name: "taste", segments: [...TASTES] }] };
const CATALOGUE = {
  placements: [{ name: "home", map: "taste" }],
  items: [
    { id: "jazz-night", placements: ["home"] },
    { id: "rock-night", placements: ["home"] },
    { id: "members-only", placements: ["home"], eligible: { trait: "plan", equals: "pro" } },
  ],
};

test("what is chosen, shown and clicked moves rates and ledgers, through a crash, and replays to the same bytes", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-content-"));
  const data = join(folder, "node");
  const write = (name: string, value: unknown) => jsonFile(folder, name, value);
  const options = [
    ...["--nats", nats.url, "--data", data, "--shards", String(SHARDS), "--ring", String(RING)],
    ...["--segments", await write("segments.json", SEGMENTS)],
    ...["--content", await write("content.json", CATALOGUE), "--publish-every", "50", "--no-refit"],
  ];
  let node = await startNodeProcess(options);
  const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "content test");
  const visitors = new Visitors(client);
  try {
    const { items } = (await client.ask("content.get", {})) as CatalogueReply;
    expect(items).toEqual(CATALOGUE.items);
    await visitors.introduceMembers(8);

    // Shown two hours ago, so that no click is to come any more; members click what is of their taste.
    const pastMs = Date.now() - 2 * HOUR_MS;
    for (let round = 0; round < 10; round++)
      for (const taste of TASTES)
        for (let u = 0; u < 8; u++) {
          const answer = await visitors.choose(`${taste}-${u}`);
          expect(answer).toMatchObject({ basis: "member", segment: taste, arm: "mixture" });
          expect(["jazz-night", "rock-night"]).toContain(answer.content);
          await visitors.tell("impression", answer, pastMs);
          if (answer.content === `${taste}-night`) await visitors.tell("click", answer, pastMs + 1_000);
        }
    await node.kill();
    node = await startNodeProcess(options);
    // A late one, so that the others' time-out has passed.
    await visitors.tell("impression", await visitors.choose("jazz-0"), Date.now());
    const rates = await visitors.untilRates((view) => (view("jazz", "jazz-night")?.shown ?? 0) > 5);
    const of = rates.view;
    for (const taste of TASTES) {
      const own = of(taste, `${taste}-night`);
      const other = of(taste, taste === "jazz" ? "rock-night" : "jazz-night");
      expect(own?.rate).toBeGreaterThan(3 * (other?.rate ?? 1));
      expect(own?.interval[0]).toBeLessThan(own?.rate ?? 0);
      expect(own?.interval[1]).toBeGreaterThan(own?.rate ?? 1);
    }
    expect(of("jazz", "members-only")?.shown).toBe(0);

    // A stranger's click tells of their taste, and is part of the next answers.
    await visitors.act("stranger", "view", { item: "door" });
    const before = await visitors.probability("stranger", "rock");
    const shown = await visitors.chooseUntil("stranger", "rock-night");
    await visitors.tell("impression", shown, Date.now());
    await visitors.tell("click", shown, Date.now());
    const after = await visitors.probability("stranger", "rock");
    expect(after).toBeGreaterThan(before + 0.05);
    expect(await visitors.choose("stranger")).toMatchObject({ basis: "resonance", segment: "rock" });

    // Nobody speaks for somebody else, nor of what was never chosen.
    const events = [
      { decision: shown.decision, user: "mallory" },
      { decision: `${shown.decision.slice(0, -1)}!`, user: "stranger" },
    ].map((given, i) => ({ id: `bad-${i}`, type: "click", ts: Date.now(), ...given }));
    const refused = ((await client.ask("ingest", { events })) as IngestReply).refused;
    expect(refused.map(({ code }) => code)).toEqual(["BAD_DECISION", "BAD_DECISION"]);

    const explained = (await client.ask("explain", { decision: shown.decision })) as {
      content: ContentAnswer;
    };
    expect(explained.content).toEqual(shown);
    const last = await visitors.choose("stranger");
    const told = (await client.ask("explain", { decision: last.decision })) as {
      content: ContentAnswer;
      explanation: { lead: { bySource: readonly { kind: string; value: number }[] } };
    };
    expect(told.content).toEqual(last);
    const feedback = told.explanation.lead.bySource.find(({ kind }) => kind === "feedback");
    expect(Math.abs(feedback?.value ?? 0)).toBeGreaterThan(0.1);

    await untilFolded(client);
    expect(await node.stop()).toBe(0);
    const connection = await connectNats({ servers: [nats.url], name: "content test" });
    await expectContextsOfOneRun(connection, data);
    await expectRatesOfOneRun(connection, join(data, "profiles"));
    const decided = await decisionsOf(connection);
    expect(decided).toContainEqual(
      expect.arrayContaining([shown.decision, "stranger", "home", "rock-night", shown.propensity]),
    );
    await connection.close();
  } finally {
    await node.kill();
    await client.close();
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}, 120_000);

test("while a shard has no owner its users are shown what is popular, without a wait", async () => {
  const nats = await startNats();
  const deployment = await aDeployment(nats.url, 4);
  const { client } = deployment;
  try {
    const alone = { options: ["--standbys", "0"] };
    const doomed = await deployment.up("a", alone);
    await deployment.up("b", alone);
    await deployment.until((owners) => new Set(owners.map(({ node }) => node)).size === 2);
    const { maps } = (await client.ask("segments.get", {})) as { maps: readonly { name: string }[] };
    const [map] = maps;
    await client.ask("content.put", {
      placements: [{ name: "home", map: map?.name }],
      items: [{ id: "banner", placements: ["home"] }],
    });
    await untilFolded(client);
    const users = Array.from({ length: 24 }, (_, u) => `visitor-${u}`);
    const askAll = () =>
      Promise.all(
        users.map(async (user) => {
          const beganMs = performance.now();
          const answer = (await client.ask("content", { user, placement: "home" })) as ContentAnswer;
          return { answer, tookMs: performance.now() - beganMs };
        }),
      );
    for (const { answer } of await askAll()) expect(answer.basis).toBe("prior");
    await doomed.kill();
    const orphaned = await askAll();
    expect(orphaned.map(({ answer }) => answer.content)).toEqual(users.map(() => "banner"));
    const without = orphaned.filter(({ answer }) => answer.position === null);
    expect(without.length).toBeGreaterThan(0);
    expect(without.length).toBeLessThan(users.length);
    for (const { answer, tookMs } of orphaned) {
      expect(answer.basis).toBe(answer.position === null ? "popularity" : "prior");
      expect(tookMs).toBeLessThan(1_500); // An owner takes seconds to be found dead.
    }
    await deployment.until((owners) => owners.every(({ node }) => node === "b"));
    for (const { answer } of await askAll()) expect(answer.basis).toBe("prior");
  } finally {
    await deployment.close();
    await nats.stop();
  }
}, 60_000);

type Connection = Awaited<ReturnType<typeof connectNats>>;
type View = (segment: string, content: string) => RateView | undefined;

/** Those who visit: what they are shown, and what is told of it. */
class Visitors {
  readonly #client: Client;
  #serial = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async introduceMembers(each: number): Promise<void> {
    for (const taste of TASTES)
      for (let u = 0; u < each; u++) {
        await this.act(`${taste}-${u}`, "identify", { segments: { taste } });
        for (let i = 0; i < 3; i++) await this.act(`${taste}-${u}`, "view", { item: `${taste}-record-${i}` });
      }
  }

  async act(user: string, type: string, more: object): Promise<void> {
    const event = { id: `e${++this.#serial}`, user, type, ts: Date.now(), ...more };
    const { refused, positions } = (await this.#client.ask("ingest", event)) as IngestReply;
    expect(refused).toEqual([]);
    await this.#client.ask("score", { user, atLeast: positions }); // So that what follows contains it.
  }

  async choose(user: string): Promise<ContentAnswer> {
    return (await this.#client.ask("content", { user, placement: "home" })) as ContentAnswer;
  }

  async chooseUntil(user: string, content: string): Promise<ContentAnswer> {
    for (;;) {
      const answer = await this.choose(user);
      if (answer.content === content) return answer;
    }
  }

  tell(type: string, { user, decision, content }: ContentAnswer, ts: number): Promise<void> {
    return this.act(user, type, { decision, item: content ?? "", ts });
  }

  async probability(user: string, segment: string): Promise<number> {
    const { segments } = (await this.#client.ask("score", { user })) as ScoreAnswer;
    return segments.find((one) => one.segment === segment)?.probability ?? 0;
  }

  async untilRates(holds: (view: View) => boolean): Promise<{ view: View }> {
    for (;;) {
      const reply = (await this.#client.ask("content.rates", { placement: "home" })) as RatesReply;
      const view: View = (segment, content) =>
        reply.placements[0]?.contents
          .find((one) => one.content === content)
          ?.rates.find((rate) => rate.segment === segment);
      const answer = await this.choose("somebody");
      if (holds(view) && answer.versions.rates === reply.version) return { view };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function expectContextsOfOneRun(connection: Connection, data: string): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) {
    const again = await foldAgain(connection, subjectsOf("resonance"), { shard, ringEvents: RING });
    const held = lmdbContextStore(join(data, "shards", String(shard)));
    expect(held.users()).toBe(again.users());
    for (const [user, bytes] of again.contexts())
      expect(Buffer.from(held.load(user) ?? []).equals(bytes), user).toBe(true);
    await held.close();
  }
}

/** The sums of the killed node equal those of a run that reads the whole stream at once, byte for byte. */
async function expectRatesOfOneRun(connection: Connection, path: string): Promise<void> {
  const log = await NatsLog.over(connection);
  const held = lmdbProfileStore(path);
  const applied = held.meta()?.applied ?? 0;
  const once = new ProfileState(memoryProfileStore(), TALLIES);
  const reader = await log.read(subjectsOf("resonance").samples, 1);
  for (let read = 0; read < applied; )
    for (const { sequence, data } of await reader.next(500)) {
      read = sequence;
      const batch = readSampleMessage(data);
      if (batch !== undefined && !("control" in batch) && sequence <= applied) once.apply(sequence, batch);
    }
  await reader.close();
  const rows = (of: Iterable<readonly [string, Uint8Array]>) =>
    [...of].map(([key, bytes]) => [key, Buffer.from(bytes).toString("hex")] as const);
  const table = tallyTable("rates");
  const expected = once
    .takeCommit()
    .sums.flatMap(([of, key, bytes]) => (of === table && bytes !== undefined ? [[key, bytes] as const] : []));
  expect(expected.length).toBeGreaterThan(1);
  expect(new Map(rows(held.sums(table)))).toEqual(new Map(rows(expected)));
  await held.close();
}

async function decisionsOf(connection: Connection): Promise<readonly LoggedDecision[]> {
  const log = await NatsLog.over(connection);
  const stream = subjectsOf("resonance").decisions;
  const { last } = await log.bounds(stream);
  const reader = await log.read(stream, 1);
  const decided: LoggedDecision[] = [];
  for (let read = 0; read < last; )
    for (const { sequence, data } of await reader.next(500)) {
      read = sequence;
      decided.push(...(decode(data) as LoggedDecision[]));
    }
  await reader.close();
  return decided;
}
