import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

test("an embedded nats-server that is killed is started again, and nothing that was acknowledged is lost", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-embedded-"));
  const data = join(folder, "node");
  const shop = shopSimulator({ seed: 4, visitors: 50, startMs: Date.UTC(2026, 0, 5) });
  const segments = await definitionsFile(folder, shop.definitions);
  const node = await startNodeProcess([
    "--data",
    data,
    "--segments",
    segments,
    "--shards",
    "2",
    "--no-refit",
  ]);
  try {
    const client = await connectClient({ data, prefix: "resonance" }, "embedded test");
    const events = Array.from({ length: 600 }, () => toWire(shop.next()));
    let accepted = 0;
    for (let at = 0; at < events.length; at += 100) {
      if (at === 200 || at === 400)
        process.kill(Number(await readFile(join(data, "nats", "nats-server.pid"), "utf8")), "SIGKILL");
      accepted += (await ingest(client, events.slice(at, at + 100), 2_000)).accepted;
    }
    expect(accepted).toBe(600);
    const status = await untilFolded(client);
    expect(status.shards.reduce((sum, shard) => sum + (shard.ready ? shard.events : 0), 0)).toBe(600);
    await client.close();
    expect(await node.stop()).toBe(0);
  } finally {
    await node.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
