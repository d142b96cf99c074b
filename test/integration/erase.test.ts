import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFailed, test } from "vitest";
import { findBytes } from "../../bench/harness/find-bytes.ts";
import { aesCipher } from "../../src/adapters/aes-cipher.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { zstdCompressor } from "../../src/adapters/zstd-compressor.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { EraseReply } from "../../src/gateway/erase.ts";
import { type ReadablePart, readableParts, wordsInParts } from "../snapshot-parts.ts";
import { startNats } from "../start-nats.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const EVENTS = 3_000;
/** In the midst of what takes a second or two. */
const KILLED_AFTER_MS = [30, 200, 500, 900];

/** As {@link findBytes}, of a server that runs: its files come and go. */
function bytesIn(folder: string, words: readonly string[]): Map<string, string> {
  for (let tries = 0; ; tries++) {
    try {
      return findBytes(folder, words);
    } catch (thrown) {
      if (tries === 50 || (thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    }
  }
}

/** Waits until nothing is about to move: counts of an erasure that changes hands are those of either. */
async function untilStandbys(client: Client): Promise<void> {
  type Units = {
    cluster: { units: readonly { serving: boolean; next: string | null; ready: readonly string[] }[] };
  };
  for (let quiet = 0; quiet < 5; ) {
    const { cluster } = (await client.ask("status", {})) as Units;
    const isQuiet = cluster.units.every(
      ({ serving, next, ready }) => serving && next === null && ready.length === 1,
    );
    quiet = isQuiet ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** All of the deployment's snapshots, opened with the keys that their manifests have. */
async function snapshotsAt(url: string): Promise<readonly ReadablePart[]> {
  const { snapshots, snapshotParts } = subjectsOf("resonance");
  const nc = await connectNats({ servers: [url], name: "erase test" });
  try {
    const blobs = await natsBlobStore(nc, { releases: snapshots, artefacts: snapshotParts });
    return await readableParts({ blobs, cipher: aesCipher, compressor: zstdCompressor });
  } finally {
    await nc.close();
  }
}

/** Waits for snapshots that hold all of these users. */
async function untilInSnapshots(url: string, users: readonly string[]): Promise<readonly ReadablePart[]> {
  for (;;) {
    const parts = await snapshotsAt(url);
    if (wordsInParts(parts, users).size === users.length) return parts;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

type World = Readonly<{
  nats: Awaited<ReturnType<typeof startNats>>;
  folder: string;
  shop: ReturnType<typeof shopSimulator>;
  client: Client;
  /** Starts a node, whose data folder has its name. */
  up(name: string): Promise<NodeProcess>;
}>;

/** Lets something happen to a server and the nodes that it starts, and leaves nothing behind. */
async function inWorld(
  given: { seed: number; visitors: number },
  act: (world: World) => Promise<void>,
): Promise<void> {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-erase-"));
  const started: NodeProcess[] = [];
  const said: string[] = [];
  onTestFailed(() => void process.stdout.write(`${said.join("\n")}\n`));
  try {
    const shop = shopSimulator({ ...given, startMs: Date.UTC(2026, 0, 5) });
    const segments = await definitionsFile(folder, shop.definitions);
    const up = async (name: string): Promise<NodeProcess> => {
      const options = [
        ...["--nats", nats.url, "--data", join(folder, name), "--segments", segments, "--shards", "2"],
        ...["--no-refit", "--snapshot-every", "1", "--name", name],
      ];
      const node = await startNodeProcess(options, { said: (line) => said.push(`${name}: ${line}`) });
      started.push(node);
      return node;
    };
    const client = await connectClient({ nats: nats.url, data: folder, prefix: "resonance" }, "erase test");
    await act({ nats, folder, shop, client, up });
    await client.close();
  } finally {
    for (const node of started) await node.stop();
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}

test("of who is erased not a byte is left, in streams, stores and snapshots, and of the others all", async () => {
  await inWorld({ seed: 3, visitors: 60 }, async ({ nats, folder, shop, client, up }) => {
    await up("one");
    await up("two"); // A standby of each unit.
    await untilStandbys(client);
    const events = Array.from({ length: EVENTS }, () => toWire(shop.next()));
    for (let at = 0; at < events.length; at += 100) await ingest(client, events.slice(at, at + 100), 1_000);
    await untilFolded(client);
    const counts = new Map<string, number>();
    for (const { user } of events) counts.set(user, (counts.get(user) ?? 0) + 1);
    const users = [...counts.keys()];
    const gone = users.slice(0, 5);
    expect([...bytesIn(nats.storeDir, gone).keys()].sort()).toEqual([...gone].sort());
    const before = await untilInSnapshots(nats.url, users);
    // In the files of the server they are compressed and sealed: a search of those alone would say nothing of them.
    const holding = before.filter((part) => wordsInParts([part], gone).size > 0);
    const keys = [...new Set(holding.map(({ manifest }) => manifest.key ?? "unsealed"))];
    expect(keys).not.toContain("unsealed");
    expect(bytesIn(nats.storeDir, keys).size).toBeGreaterThan(0); // Some are pruned by now: a snapshot a second.

    const replies = await Promise.all(
      gone.map((user) => client.ask("erase", { user, waitMs: 30_000 }, 40_000) as Promise<EraseReply>),
    );
    for (const [i, reply] of replies.entries()) {
      expect(reply).toMatchObject({ state: "done", verified: true, reason: "asked" });
      expect(reply.removed?.contexts).toBe(1);
      expect(reply.removed?.entries).toBe(counts.get(gone[i]!));
      expect(JSON.stringify(reply)).not.toContain(gone[i]!);
      expect(await client.ask("erase", { erasure: reply.erasure, waitMs: 0 })).toEqual(reply);
    }
    const status = await untilFolded(client);
    expect(status.ready).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const left = [
      ...bytesIn(nats.storeDir, gone),
      ...bytesIn(join(folder, "one"), gone),
      ...bytesIn(join(folder, "two"), gone),
    ];
    expect(left).toEqual([]);
    // The others are in snapshots again, and of those from before nobody has the keys, down to the bytes of the files.
    const after = await untilInSnapshots(nats.url, users.slice(gone.length));
    expect([...wordsInParts(after, gone)]).toEqual([]);
    expect([...bytesIn(nats.storeDir, keys)]).toEqual([]);
  });
}, 120_000);

test("a node that is killed again and again while it erases comes to the end of it", async () => {
  await inWorld({ seed: 5, visitors: 40 }, async ({ nats, folder, shop, client, up }) => {
    let node = await up("node");
    const events = Array.from({ length: 1_000 }, () => toWire(shop.next()));
    for (let at = 0; at < events.length; at += 100) await ingest(client, events.slice(at, at + 100), 1_000);
    await untilFolded(client);
    const gone = [...new Set(events.map(({ user }) => user))].slice(0, 3);
    const asked = await Promise.all(
      gone.map((user) => client.ask("erase", { user, waitMs: 0 }, 10_000) as Promise<EraseReply>),
    );
    for (const afterMs of KILLED_AFTER_MS) {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await node.kill();
      node = await up("node");
    }
    for (const { erasure } of asked)
      expect(await client.ask("erase", { erasure, waitMs: 30_000 }, 40_000)).toMatchObject({
        state: "done",
        verified: true,
      });
    await untilFolded(client);
    expect([...bytesIn(nats.storeDir, gone), ...bytesIn(join(folder, "node"), gone)]).toEqual([]);
  });
}, 180_000);
