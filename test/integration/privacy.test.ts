import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import type { PrivacyReport } from "../../src/gateway/privacy-report.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import { PRIVATE_TABLE } from "../../src/profiles/private-releases.ts";
import { decodeClosedBucket } from "../../src/profiles/private-series.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import { describeWithNats } from "../adapters/with-nats.ts";

const USERS = 80;
const SEGMENTS = ["calm", "wild"];
/** Little noise, so that eighty people show through it within seconds; the way is the same. */
const PRIVACY = { epsilon: 50, delta: 0.001, minMembers: 5, grace: "0s" };
const MAPS = [
  { name: "taste", segments: SEGMENTS, window: { bucket: "1s", buckets: 3 }, privacy: PRIVACY },
  { name: "open", segments: SEGMENTS },
];

await describeWithNats("private maps of a node", (suite) => {
  test("profiles come out of noisy buckets, and another node that replays the log has the same noise", async () => {
    const url = suite().nats.url;
    const folder = await mkdtemp(join(tmpdir(), "resonance-privacy-"));
    const up = (name: string) =>
      startNode(
        {
          ...DEFAULT_NODE_OPTIONS,
          nats: url,
          dataDir: join(folder, name),
          shards: 2,
          publishEveryMs: 100,
          refit: null,
          snapshotEveryMs: Number.POSITIVE_INFINITY,
        },
        () => {},
      );
    let node = await up("first");
    const client = await connectClient({ nats: url, data: folder, prefix: "resonance" }, "privacy test");
    try {
      await client.ask("segments.put", { maps: MAPS });
      await ingest(client, identifies());
      const { profiles, report, status } = await whileVisited(client, async () => {
        const profiles = await profilesOf(client, "taste");
        const [report] = (await asked<{ maps: PrivacyReport[] }>(client, "privacy.report", {})).maps;
        const status = await asked<StatusReply>(client, "status", {});
        const isShown = profiles.segments.every(({ members }) => members > 0) && report?.measured?.auc;
        // More than a window's: the lifetime counts those that have left it, too.
        const isThere = isShown && (status.privacy?.[0]?.lifetime.releases ?? 0) > 3;
        return isThere ? { profiles, report, status } : undefined;
      });
      expect(profiles.privacy).toMatchObject({ epsilon: 50, delta: 0.001, buckets: 3, refused: 0 });
      expect(report).toMatchObject({ map: "taste", contributions: 3 });
      expect(report?.measured?.segments.map(({ isShown }) => isShown)).toEqual([true, true]);
      expect(report?.measured?.segments[0]?.measured).toBeGreaterThan(0.5);
      expect((await profilesOf(client, "open")).privacy).toBeUndefined();
      expect(status.privacy?.map(({ map }) => map)).toEqual(["taste"]);
      expect(status.privacy?.[0]?.lifetime.releases).toBeGreaterThan(3);
      await expect(client.ask("privacy.report", { map: "nothing" })).rejects.toMatchObject({
        code: "UNKNOWN_MAP",
      });

      await node.stop();
      node = await up("second"); // Nothing but the log tells it what was.
      await whileVisited(client, async () => {
        const now = await profilesOf(client, "taste");
        return now.version > profiles.version && now.segments.every(({ members }) => members > 0)
          ? now
          : undefined;
      });
      await node.stop();
      const { drawn, repeats } = await noiseInTheLog(url);
      expect(repeats).toEqual([]);
      for (const name of ["first", "second"]) {
        const held = await noiseOf(join(folder, name, "profiles"));
        expect(held.length).toBeGreaterThanOrEqual(9); // Three buckets of two segments and the background.
        for (const [name, values] of held) expect(drawn.get(name)).toEqual(values);
      }
    } finally {
      await client.close();
      await node.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);
});

function identifies(): object[] {
  return Array.from({ length: USERS }, (_, u) => {
    const segment = SEGMENTS[u % 2];
    const segments = { taste: segment, open: segment };
    return { id: `identify-${u}`, user: `user-${u}`, type: "identify", ts: Date.now(), segments };
  });
}

/** Lets everybody come by, again and again, until something is so. */
async function whileVisited<T>(client: Client, look: () => Promise<T | undefined>): Promise<T> {
  for (let round = 0; ; round++) {
    const views = Array.from({ length: USERS }, (_, u) => {
      const item = `own-${u % 2}-${(u + round) % 5}`;
      const id = `view-${Date.now()}-${round}-${u}`;
      return { id, user: `user-${u}`, type: "view", ts: Date.now(), item, categories: [`cat-${u % 2}`] };
    });
    await ingest(client, views);
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

async function asked<T>(client: Client, endpoint: string, body: unknown): Promise<T> {
  return (await client.ask(endpoint, body)) as T;
}

async function profilesOf(client: Client, map: string): Promise<ProfilesReply> {
  return (await asked<{ maps: ProfilesReply[] }>(client, "profiles", { map })).maps[0]!;
}

/** Noisy sums that a store holds, by encoder, map, bucket and segment. */
async function noiseOf(path: string): Promise<(readonly [name: string, values: readonly number[]])[]> {
  const store = lmdbProfileStore(path);
  const rows = [...store.sums(PRIVATE_TABLE)].filter(([row]) => row.startsWith("bucket "));
  const noise = rows.flatMap(([row, bytes]) =>
    [...decodeClosedBucket(bytes).noised].map(
      ([segment, values]) => [`${row.slice("bucket ".length)} ${segment}`, [...values]] as const,
    ),
  );
  await store.close();
  return noise;
}

/** All noise that is in the log, and what is there twice. */
async function noiseInTheLog(
  url: string,
): Promise<{ drawn: Map<string, readonly number[]>; repeats: string[] }> {
  const connection = await connectNats({ servers: [url], name: "privacy test" });
  const log = await NatsLog.over(connection);
  const { samples } = subjectsOf("resonance");
  const { last } = await log.bounds(samples);
  const reader = await log.read(samples, 1);
  const drawn = new Map<string, readonly number[]>();
  const repeats: string[] = [];
  for (let at = 0; at < last; ) {
    for (const { sequence, data } of await reader.next(1_000)) {
      at = sequence;
      const message = readSampleMessage(data);
      if (message === undefined || !("control" in message) || message.control !== "noised") continue;
      for (const [segment, values] of message.segments) {
        const name = `${message.encoder} ${message.key} ${message.bucket} ${segment}`;
        if (drawn.has(name)) repeats.push(name);
        drawn.set(name, values);
      }
    }
  }
  await reader.close();
  await connection.close();
  return { drawn, repeats };
}
