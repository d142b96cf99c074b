import { mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listSnapshots } from "../../src/actors/list-snapshots.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { startNats } from "../start-nats.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const SHARDS = 2;
const EVENTS = 3_000;

test("a node whose stores are gone, or damaged, goes on from snapshots behind which the log was trimmed", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-snapshots-"));
  const data = join(folder, "node");
  const started: NodeProcess[] = [];
  try {
    const shop = shopSimulator({ seed: 3, visitors: 300, startMs: Date.UTC(2026, 0, 5) });
    const segments = await definitionsFile(folder, shop.definitions);
    const up = async () => {
      const options = ["--nats", nats.url, "--data", data, "--segments", segments, "--shards", `${SHARDS}`];
      const process = await startNodeProcess([
        ...options,
        "--no-refit",
        "--snapshot-every",
        "1",
        "--keep-log",
        "0",
      ]);
      started.push(process);
      return process;
    };
    let node = await up();
    const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "snapshot test");
    const connection = await connectNats({ servers: [nats.url], name: "snapshot test" });
    const log = await NatsLog.over(connection);
    const { snapshots, snapshotParts } = subjectsOf("resonance");
    const blobs = await natsBlobStore(connection, { releases: snapshots, artefacts: snapshotParts });
    const events = Array.from({ length: EVENTS }, () => toWire(shop.next()));
    const send = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 100) await ingest(client, events.slice(at, at + 100), 1_000);
      await untilFolded(client);
    };
    const trimmed = async (): Promise<void> => {
      const { samples, shardLog } = subjectsOf("resonance");
      for (const stream of [samples, shardLog(0), shardLog(1)]) {
        while ((await log.bounds(stream)).first < 5) await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };

    const members = async (): Promise<number> => {
      const reply = await client.ask("profiles", {});
      const { maps } = reply as { maps: { segments: { members: number }[] }[] };
      return maps.flatMap(({ segments }) => segments).reduce((sum, segment) => sum + segment.members, 0);
    };

    /** Until each unit has a snapshot of so many entries: the log is trimmed behind the last but one. */
    const snapshotsOf = async (entries: number): Promise<void> => {
      for (const unit of ["shard-0", "shard-1", "profiles"])
        while (((await listSnapshots(blobs, unit))[0]?.sequence ?? 0) < entries)
          await new Promise((resolve) => setTimeout(resolve, 200));
    };

    await send(0, 500);
    await snapshotsOf(4);
    await send(500, 1_000);
    await trimmed();
    while ((await members()) < 10) await new Promise((resolve) => setTimeout(resolve, 50));
    const before = await members();
    await node.kill();
    for (const stores of ["shards", "profiles"]) await rm(join(data, stores), { recursive: true });
    node = await up(); // From a snapshot, since there is no store and no beginning of the log any more.
    expect(await members()).toBeGreaterThanOrEqual(before);
    await send(1_000, 2_000);
    await node.stop();

    for (const damaged of [join("shards", "0"), "profiles"]) {
      const file = join(data, damaged, "data.mdb");
      await truncate(file, Math.floor((await stat(file)).size / 2));
    }
    node = await up(); // Half a store is set aside.
    expect(await members()).toBeGreaterThanOrEqual(before);
    await send(2_000, EVENTS);
    expect(await node.stop()).toBe(0);
    for (const folder of [join(data, "shards"), data])
      expect((await readdir(folder)).filter((name) => name.includes("corrupt"))).toHaveLength(1);

    let counted = 0;
    for (let shard = 0; shard < SHARDS; shard++) {
      const store = lmdbContextStore(join(data, "shards", String(shard)));
      for (const [user, bytes] of store.contexts()) counted += decodeContext(user, bytes).events;
      await store.close();
    }
    expect(counted).toBe(events.filter((event) => event.type !== "identify").length);
    await client.close();
    await connection.close();
  } finally {
    for (const process of started) await process.stop();
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}, 90_000);
