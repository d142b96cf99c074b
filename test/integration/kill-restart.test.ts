import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import type { SegmentDefinitions } from "../../src/resonance/segment-map.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { startNats } from "../start-nats.ts";
import { foldAgain } from "./fold-again.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

const SHARDS = 2;
const RING = 16;
const EVENTS = 6_000;
const KILLS = 3;

test("a node killed in mid-stream holds, byte for byte, what an uninterrupted run holds", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-kill-"));
  const data = join(folder, "node");
  try {
    const shop = shopSimulator({ seed: 5, visitors: 500, startMs: Date.UTC(2026, 0, 5) });
    const segments = await definitionsFile(folder, shop.definitions);
    const options = ["--nats", nats.url, "--data", data, "--segments", segments, "--shards", String(SHARDS)];
    // A small memory, so that contexts are passivated and come back all the time.
    const up = () =>
      startNodeProcess([...options, "--resident", "50", "--ring", String(RING), "--publish-every", "100"]);
    let node = await up();
    const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "kill test");
    const events = Array.from({ length: EVENTS }, () => toWire(shop.next()));

    // Requests go on while the node dies and comes back; what is sent again must count once.
    let accepted = 0;
    const sending = (async () => {
      for (let at = 0; at < events.length; at += 100) {
        accepted += (await ingest(client, events.slice(at, at + 100), 1_000)).accepted;
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      const target = ((kill + 1) * EVENTS) / (KILLS + 2);
      while (accepted < target) await new Promise((resolve) => setTimeout(resolve, 5));
      await node.kill();
      node = await up();
    }
    await sending;
    await untilFolded(client);
    expect(await node.stop()).toBe(0);
    await client.close();

    const connection = await connectNats({ servers: [nats.url], name: "kill test" });
    const subjects = subjectsOf("resonance");
    let folded = 0;
    for (let shard = 0; shard < SHARDS; shard++) {
      const again = await foldAgain(connection, subjects, { shard, ringEvents: RING });
      const killed = lmdbContextStore(join(data, "shards", String(shard)));
      expect(killed.users()).toBe(again.users());
      for (const [user, bytes] of again.contexts()) {
        expect(hex(killed.load(user)), user).toBe(hex(bytes));
        expect(ringOf(killed.loadRing(user)), user).toEqual(ringOf(again.loadRing(user)));
        folded += decodeContext(user, bytes).events;
      }
      await killed.close();
    }
    // Every act of the shop counted once: identify events say who somebody is and are not acts.
    expect(folded).toBe(events.filter((event) => event.type !== "identify").length);

    await expectSumsOfOneRun(connection, join(data, "profiles"), shop.definitions);
    await connection.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}, 120_000);

function ringOf(slots: readonly (readonly [number, Uint8Array])[]): [number, string][] {
  return slots.map(([slot, bytes]) => [slot, hex(bytes)]);
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "missing" : Buffer.from(bytes).toString("hex");
}

/** The profile actor's sums equal those of a run that reads the whole stream of samples at once. */
async function expectSumsOfOneRun(
  connection: Awaited<ReturnType<typeof connectNats>>,
  path: string,
  definitions: SegmentDefinitions,
): Promise<void> {
  const log = await NatsLog.over(connection);
  const stream = subjectsOf("resonance").samples;
  const killed = lmdbProfileStore(path);
  const meta = killed.meta();
  const encoder = meta?.encoder ?? "";
  const once = new ProfileState(memoryProfileStore());
  once.useMaps(definitions.maps, 1);
  once.prepare(encoder); // Samples of this encoder are what both runs hold in the end.
  const reader = await log.read(stream, 1);
  for (let applied = 0; applied < (meta?.applied ?? 0); ) {
    for (const message of await reader.next(500)) {
      applied = message.sequence;
      const batch = readSampleMessage(message.data);
      if (batch === undefined || "control" in batch || applied > (meta?.applied ?? 0)) continue;
      once.apply(applied, batch);
    }
  }
  await reader.close();
  const expected = new Map(
    once
      .takeCommit()
      .sums.filter(([of]) => of === encoder)
      .map(([, key, bytes]) => [key, hex(bytes)]),
  );
  const held = new Map([...killed.sums(encoder)].map(([key, bytes]) => [key, hex(bytes)]));
  await killed.close();
  expect(held.size).toBeGreaterThan(0);
  expect(held).toEqual(expected);
}
