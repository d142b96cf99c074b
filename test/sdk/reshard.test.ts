import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { connect, shardOf } from "../../sdk/src/index.ts";
import { connectClient } from "../../src/cli/client.ts";
import { untilFolded } from "../integration/node-client.ts";
import { aNode } from "./a-node.ts";

test("two shards become four: a client that is connected all the time goes on, and asks the new ones", async () => {
  const node = await aNode();
  const resonance = await connect({ servers: node.nats.url });
  try {
    await resonance.ingest(Array.from({ length: 50 }, (_, i) => ({ user: `user-${i}`, type: "view" })));
    while ((await resonance.score("user-1")).way !== "shard");
    const client = await connectClient({ nats: node.nats.url, data: node.data, prefix: "resonance" }, "test");
    await untilFolded(client);
    await client.close();
    await node.process().stop();
    // What is handed over while no node runs is stored when one does.
    const meanwhile = resonance.ingest(
      Array.from({ length: 50 }, (_, i) => ({ user: `user-${i}`, type: "click" })),
    );
    const work = ["--nats", node.nats.url, "--data", join(node.folder, "work")];
    await promisify(execFile)(process.execPath, [
      "src/cli/main.ts",
      "reshard",
      "--shards",
      "4",
      ...work,
      "--json",
    ]);
    await node.up(["--shards", "4"]);
    const { accepted, positions } = await meanwhile;
    expect(accepted).toBe(50);
    for (let i = 0; i < 50; i++) {
      const user = `user-${i}`;
      const { evidence, position } = await resonance.score(user, { atLeast: positions, timeoutMs: 20_000 });
      expect([user, position.shard, evidence > 1]).toEqual([user, shardOf(user, 4), true]);
    }
    while ((await resonance.score("user-1")).way !== "shard");
    expect((await resonance.scoreMany(["user-1", "user-2", "user-3"])).ways).toEqual(["shard"]);
  } finally {
    await resonance.close();
    await node.close();
  }
}, 90_000);
