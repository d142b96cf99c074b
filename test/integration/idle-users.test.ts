import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findBytes } from "../../bench/harness/find-bytes.ts";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ExportPage } from "../../src/gateway/gateway-ports.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import { startNats } from "../start-nats.ts";
import { untilFolded } from "./node-client.ts";

const DAY_MS = 86_400_000;
const USERS = 40;

test("users of whom nothing was heard for longer than allowed are erased everywhere, the others stay", async () => {
  const nats = await startNats();
  const dataDir = await mkdtemp(join(tmpdir(), "resonance-idle-"));
  const said: string[] = [];
  const options = {
    nats: nats.url,
    dataDir,
    shards: 2,
    publishEveryMs: 50,
    refit: null,
    idleMs: 90 * DAY_MS,
  };
  const start = () => startNode({ ...DEFAULT_NODE_OPTIONS, ...options }, (line) => said.push(line));
  const keeping = await startNode({ ...DEFAULT_NODE_OPTIONS, ...options, idleMs: Infinity }, () => {});
  const client = await connectClient({ nats: nats.url, data: dataDir, prefix: "resonance" }, "idle test");
  const idle = Array.from({ length: USERS }, (_, i) => `idle-visitor-${i}-of-old`);
  const present = Array.from({ length: USERS }, (_, i) => `present-visitor-${i}-of-now`);
  const act = (user: string, ts: number, id: string) => ({ id, user, type: "view", ts, item: "book" });
  const known = async (user: string): Promise<boolean> =>
    ((await client.ask("score", { user })) as ScoreReply).known;
  const knownOf = async (users: readonly string[]): Promise<string[]> => {
    const isKnown = await Promise.all(users.map(known));
    return users.filter((_, i) => isKnown[i]);
  };
  try {
    await client.ask("segments.put", { maps: [{ name: "life", segments: ["new", "loyal"] }] });
    const labels = { segments: { life: "loyal" } };
    for (const [users, ts] of [
      [idle, Date.now() - 100 * DAY_MS],
      [present, Date.now() - 1_000],
    ] as const) {
      for (let i = 0; i < 20; i++)
        await ingest(
          client,
          users.map((user) => act(user, ts + i, `${user} ${i}`)),
        );
      await ingest(
        client,
        users.map((user) => ({ ...act(user, ts, `${user} is`), type: "identify", ...labels })),
      );
    }
    await untilFolded(client);
    await keeping.stop();
    const node = await start();
    // Shards come to their owners one after the other, and look for idle users then.
    await expect.poll(async () => (await knownOf(idle)).length, { timeout: 60_000, interval: 200 }).toBe(0);
    expect(await knownOf(present)).toEqual(present);
    expect(said.join("\n")).toContain("users were idle for too long");
    expect(said.join("\n")).not.toContain(idle[0]);
    await expect
      .poll(() => [...findBytes(dataDir, idle), ...findBytes(nats.storeDir, idle)], {
        timeout: 60_000,
        interval: 500,
      })
      .toEqual([]);
    const held = (await client.ask("export", { user: idle[0] })) as ExportPage;
    expect(held.lines).toMatchObject([{ kind: "end", counts: {} }]);
    expect(findBytes(dataDir, present).size).toBe(USERS);
    await node.stop();
  } finally {
    await client.close();
    await nats.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}, 180_000);
