import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import { jetstreamManager } from "@nats-io/jetstream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { natsAccess } from "../../src/adapters/nats-access.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { verifyBackup } from "../../src/restore-backup.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { writeBackup } from "../../src/write-backup.ts";
import { startNats, type TestNats } from "../start-nats.ts";
import { foldAgain } from "./fold-again.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);
const SHARDS = 2;
const RING = 16;
const TIMEOUT_MS = 180_000;
const STILL_MS = 1_500;
const ignore = (): void => {};

let folder = "";
let passphrase = "";
const started: NodeProcess[] = [];
const servers: TestNats[] = [];
const clients: Client[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-backup-"));
  passphrase = join(folder, "passphrase");
  await writeFile(passphrase, "correct horse\n");
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const node of started.splice(0)) await node.kill();
  for (const server of servers.splice(0)) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test(
  "what is restored scores the same to the last bit, goes on, and has forgotten who was erased since",
  async () => {
    const [first, second] = [await aServer(), await aServer()];
    const { events, segments } = await aShop(2_000);
    const users = [...new Set(events.map(({ user }) => user))];
    const [erased = "", ...others] = users;

    const before = await up(first.url, "before", segments);
    const client = await clientOf(first.url);
    await send(client, events);
    await untilFolded(client);
    const was = await settledScores(client, others.slice(0, 20));

    const backup = join(folder, "backup");
    const made = await cli("backup", backup, "--nats", first.url, "--passphrase-file", passphrase);
    expect(made).toMatchObject({ sealed: true, hasKeys: true, deployment: { shards: SHARDS } });
    expect(await holds(backup, erased)).toEqual([]);
    const { erasure } = await cli("erase", erased, "--nats", first.url, "--timeout", "60");
    const list = join(folder, "erased.json");
    expect(await cli("backup", "erased", list, "--nats", first.url)).toEqual({ erased: 1 });
    expect(await readFile(list, "utf8")).not.toContain(erased);
    await before.stop();

    expect(await cli("restore", backup, "--nats", second.url)).toMatchObject({
      error: { code: "PASSPHRASE_NEEDED" },
    });
    const restore = [
      "restore",
      backup,
      "--nats",
      second.url,
      "--passphrase-file",
      passphrase,
      "--erased",
      list,
    ];
    expect(await cli(...restore)).toMatchObject({ erasures: 1 });
    expect(await cli(...restore)).toMatchObject({ error: { code: "NOT_EMPTY" } });

    const third = await aServer();
    expect(await cli("restore", backup, "--nats", third.url, "--passphrase-file", passphrase)).toMatchObject({
      erasures: 0,
    });
    const twin = await up(third.url, "twin", segments);
    const inTwin = await clientOf(third.url);
    await untilFolded(inTwin);
    const is = await settledScores(
      inTwin,
      was.map(({ user }) => user),
    );
    expect(is.map(({ segments: scored }) => scored)).toEqual(was.map(({ segments: scored }) => scored));
    for (const [i, { position, known }] of is.entries()) {
      expect(known).toBe(was[i]?.known);
      // What a client was told to wait for is there.
      expect(position.sequence).toBeGreaterThanOrEqual(was[i]?.position.sequence ?? Number.NaN);
    }
    expect((await scoreOf(inTwin, erased)).known).toBe(true); // Nobody told of the erasure.
    await twin.stop();
    await expectFolded(third.url, "twin");

    const after = await up(second.url, "after", segments);
    const restored = await clientOf(second.url);
    await untilFolded(restored);
    const proof = await untilErased(restored, String(erasure));
    expect(proof).toMatchObject({ erasure, state: "done", verified: true });
    expect((proof["removed"] as { entries: number }).entries).toBeGreaterThan(0);
    expect((await scoreOf(restored, erased)).known).toBe(false);

    const { events: more } = await aShop(2_300);
    await send(
      restored,
      more.slice(2_000).filter(({ user }) => user !== erased),
    );
    await untilFolded(restored);
    await after.stop();
    await expectFolded(second.url, "after");
    expect(await streamsWith(second.url, erased)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "trimmed logs are restored with their snapshots, though events came in meanwhile: sent again, each counts once",
  async () => {
    const first = await aServer();
    const { events, segments } = await aShop(3_000);
    const trimmed = ["--snapshot-every", "1", "--keep-log", "0"];
    const before = await up(first.url, "before", segments, trimmed);
    const client = await clientOf(first.url);
    await send(client, events.slice(0, 2_000));
    await untilFolded(client);
    await untilTrimmed(first.url);

    const backup = join(folder, "backup");
    const sending = send(client, events.slice(2_000));
    const made = await cli("backup", backup, "--nats", first.url, "--without-keys");
    await sending;
    expect(made).toMatchObject({ sealed: false, hasKeys: false });
    const lasts = new Map(
      (made["streams"] as { stream: string; last: number }[]).map(({ stream, last }) => [stream, last]),
    );
    await untilFolded(client);
    const held = await Promise.all(
      [...new Set(events.map(({ user }) => user))].map((user) => scoreOf(client, user)),
    );
    await before.stop();

    // Into the embedded server of a folder, which a node takes over.
    const data = join(folder, "alone");
    expect(await cli("restore", backup, "--data", data)).toMatchObject({ deployment: { shards: SHARDS } });
    const after = await startNodeProcess([...same(segments), "--data", data, "--name", "alone"]);
    started.push(after);
    const natsUrl = (after.ready["nats"] as { url: string }).url;
    const restored = await clientOf(natsUrl);
    const status = await untilFolded(restored);
    for (const shard of status.shards)
      if (shard.ready)
        expect(shard.applied).toBeGreaterThanOrEqual(lasts.get(`RESONANCE_LOG_${shard.shard}`) ?? -1);

    // What may have come after the copy is sent again, with some that came before: each event counts once.
    await send(restored, events.slice(1_900));
    await untilFolded(restored);
    const again = await Promise.all(held.map(({ user }) => scoreOf(restored, user)));
    expect(again.filter(({ known }) => known).length).toBe(held.filter(({ known }) => known).length);
    await after.stop();
    let acts = 0;
    for (let shard = 0; shard < SHARDS; shard++) {
      const store = lmdbContextStore(join(data, "shards", String(shard)));
      for (const [user, bytes] of store.contexts()) acts += decodeContext(user, bytes).events;
      await store.close();
    }
    expect(acts).toBe(events.filter(({ type }) => type !== "identify").length);
  },
  TIMEOUT_MS,
);

test(
  "a backup that is damaged, sealed otherwise, half written or in the way is told so",
  async () => {
    const first = await aServer();
    const { events, segments } = await aShop(200);
    await up(first.url, "before", segments);
    await send(await clientOf(first.url), events);
    const at = (name: string) => join(folder, name);
    const given = {
      nats: natsAccess(first.url),
      prefix: "resonance",
      folder: at("b"),
      passphrase: "correct horse",
      version: "test",
    };
    const back = (more: Partial<typeof given> = {}) => writeBackup({ ...given, ...more }, ignore, ignore);
    const verify = (phrase?: string) => verifyBackup(at("b"), phrase, ignore);

    expect(await cli("backup", at("b"), "--nats", first.url)).toMatchObject({
      error: { code: "OPTION_MISSING" },
    });
    await expect(back({ prefix: "other" })).rejects.toMatchObject({ code: "NO_DEPLOYMENT" });
    await back();
    expect((await stat(at("b"))).mode & 0o077).toBe(0);
    await expect(back()).rejects.toMatchObject({ code: "BACKUP_EXISTS" });
    expect((await readdir(folder)).filter((name) => name.includes("partial"))).toEqual([]);

    expect(await cli("backup", "verify", at("b"), "--passphrase-file", passphrase)).toMatchObject({
      sealed: true,
    });
    await expect(verify("another")).rejects.toMatchObject({ code: "WRONG_PASSPHRASE" });
    await expect(verify()).rejects.toMatchObject({ code: "PASSPHRASE_NEEDED" });
    await appendFile(at("b/releases"), "x");
    await expect(verify("correct horse")).rejects.toMatchObject({ code: "BACKUP_CORRUPT" });
    await rm(at("b/backup.json"));
    await expect(verify("correct horse")).rejects.toMatchObject({ code: "NO_BACKUP" });
  },
  TIMEOUT_MS,
);

async function aServer(): Promise<TestNats> {
  const server = await startNats();
  servers.push(server);
  return server;
}

async function aShop(count: number) {
  const shop = shopSimulator({ seed: 8, visitors: 150, startMs: Date.UTC(2026, 0, 5) });
  const segments = await definitionsFile(folder, shop.definitions);
  const events = Array.from({ length: count }, () => toWire(shop.next()));
  return { segments, events };
}

function same(segments: string): string[] {
  return ["--segments", segments, "--shards", `${SHARDS}`, "--ring", `${RING}`, "--no-refit"];
}

async function up(
  nats: string,
  name: string,
  segments: string,
  more: readonly string[] = [],
): Promise<NodeProcess> {
  const own = ["--nats", nats, "--data", join(folder, name), "--name", name, "--publish-every", "100"];
  const node = await startNodeProcess([...own, ...same(segments), ...more]);
  started.push(node);
  return node;
}

async function clientOf(nats: string): Promise<Client> {
  const client = await connectClient({ nats, data: folder, prefix: "resonance" }, "backup test");
  clients.push(client);
  return client;
}

async function send(client: Client, events: readonly ReturnType<typeof toWire>[]): Promise<void> {
  for (let at = 0; at < events.length; at += 100) await ingest(client, events.slice(at, at + 100), 2_000);
}

/** Scores of users, once two looks have shown the same: profiles are published behind what is folded. */
async function settledScores(client: Client, users: readonly string[]): Promise<ScoreReply[]> {
  const look = () => Promise.all(users.map((user) => scoreOf(client, user)));
  for (let before = await look(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    const now = await look();
    if (now.every(({ segments }, i) => isDeepStrictEqual(segments, before[i]?.segments))) return now;
    before = now;
  }
}

async function scoreOf(client: Client, user: string): Promise<ScoreReply> {
  return (await client.ask("score", { user })) as ScoreReply;
}

async function cli(...given: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [MAIN, ...given, "--json"]).catch(
    (thrown: { stdout: string }) => thrown,
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function untilErased(client: Client, erasure: string): Promise<Record<string, unknown>> {
  for (;;) {
    const asked = { erasure, waitMs: 1_000 };
    const reply = (await client.ask("erase", asked).catch(() => ({}))) as Record<string, unknown>;
    if (reply["state"] === "done") return reply;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function untilTrimmed(nats: string): Promise<void> {
  const connection = await connectNats({ servers: [nats], name: "backup test" });
  const { streams } = await jetstreamManager(connection);
  for (;;) {
    const infos = await Promise.all([0, 1].map((shard) => streams.info(`RESONANCE_LOG_${shard}`)));
    if (infos.every(({ state }) => state.first_seq > 1)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await connection.close();
}

/** After its stop, a node's stores hold what one undisturbed run over the logs does. */
async function expectFolded(nats: string, name: string): Promise<void> {
  const connection = await connectNats({ servers: [nats], name: "backup test" });
  for (let shard = 0; shard < SHARDS; shard++) {
    const again = await foldAgain(connection, subjectsOf("resonance"), { shard, ringEvents: RING });
    const store = lmdbContextStore(join(folder, name, "shards", String(shard)));
    expect(store.users()).toBe(again.users());
    for (const [user, bytes] of again.contexts()) {
      expect(shardOf(user, SHARDS)).toBe(shard);
      expect(Buffer.from(store.load(user) ?? []).equals(bytes), `${user} of shard ${shard}`).toBe(true);
    }
    await store.close();
  }
  await connection.close();
}

/** Files of a folder that have a text in them. */
async function holds(of: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(of)) if ((await readFile(join(of, name))).includes(text)) found.push(name);
  return found;
}

/** Streams that have a message with a text in it. */
async function streamsWith(nats: string, text: string): Promise<string[]> {
  const connection = await connectNats({ servers: [nats], name: "backup test" });
  const { streams } = await jetstreamManager(connection);
  const found: string[] = [];
  for await (const { config, state } of streams.list()) {
    if (!config.name.startsWith("RESONANCE_")) continue;
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await streams.getMessage(config.name, { seq }).catch(() => null);
      if (message !== null && Buffer.from(message.data).includes(text)) {
        found.push(config.name);
        break;
      }
    }
  }
  await connection.close();
  return found;
}
