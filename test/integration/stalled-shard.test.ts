import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { toWireError } from "../../src/kernel/engine-error.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const LAG_MAX = 40;

await describeWithNats("a gateway whose shards stand still", (suite) => {
  let data: string;
  let gateway: NodeProcess;
  let shards: NodeProcess;
  let client: Client;
  let sent = 0;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "resonance-stalled-"));
    const start = (roles: string, name: string) =>
      startNodeProcess([
        ...["--data", join(data, name), "--name", name, "--roles", roles, "--nats", suite().nats.url],
        ...["--prefix", "stalled", "--shards", "1", "--no-refit", "--lag-max", String(LAG_MAX)],
      ]);
    [gateway, shards] = await Promise.all([start("gateway,profiles", "front"), start("shards", "back")]);
    client = await connectClient({ nats: suite().nats.url, data, prefix: "stalled" }, "stalled shard test");
  });

  afterAll(async () => {
    await client?.close();
    if (shards !== undefined) process.kill(shards.pid, "SIGCONT");
    await Promise.all([gateway?.stop(), shards?.stop()]);
    await rm(data, { recursive: true, force: true });
  });

  /** Sends one event, alone in its message. @returns The code that it was refused with; undefined if it was stored. */
  const send = async () => {
    const event = { id: `e${++sent}`, user: "ada", type: "view", ts: Date.now() };
    try {
      const reply = (await client.ask("ingest", event)) as IngestReply;
      return reply.refused[0]?.code;
    } catch (thrown) {
      const { code, retryable, detail } = toWireError(thrown);
      expect([retryable, typeof detail?.["retryAfterMs"]]).toEqual([true, "number"]);
      return code;
    }
  };

  test("fills their log to its bound, says when to come again, and goes on once they have caught up", async () => {
    await expect.poll(send, { timeout: 20_000 }).toBeUndefined();
    const folded = async () => ((await client.ask("status", {})) as StatusReply).lag;
    await expect.poll(folded, { timeout: 20_000 }).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // So that the next event makes the gateway look.
    await send();
    await expect.poll(folded, { timeout: 20_000 }).toBe(0);

    process.kill(shards.pid, "SIGSTOP");
    let stored = 0;
    while ((await send()) === undefined) stored++;
    expect(await send()).toBe("OVERLOADED");
    expect(stored).toBeGreaterThanOrEqual(LAG_MAX - 5);
    expect(stored).toBeLessThanOrEqual(LAG_MAX + 5); // What the gateway saw last may be a few messages old.
    process.kill(shards.pid, "SIGCONT");
    await expect.poll(send, { timeout: 60_000, interval: 500 }).toBeUndefined();
  });
});
