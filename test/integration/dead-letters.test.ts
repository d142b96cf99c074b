import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { encodeEntry } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { poisonEntry } from "../shards/a-shard.ts";
import { startNats } from "../start-nats.ts";
import { untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const run = promisify(execFile);

test("a poison entry is set aside, and can be shown, tried again and dropped", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-letters-"));
  const node = await startNodeProcess(["--nats", nats.url, "--data", folder, "--shards", "1", "--no-refit"]);
  const letters = async (...given: string[]): Promise<Record<string, unknown>> => {
    const all = [MAIN, "dead-letters", ...given, "--nats", nats.url, "--json"];
    const { stdout } = await run(process.execPath, all).catch((thrown: { stdout: string }) => thrown);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  try {
    const connection = await connectNats({ servers: [nats.url], name: "letters test" });
    const client = await connectClient({ nats: nats.url, data: folder, prefix: "resonance" }, "letters test");
    const log = await NatsLog.over(connection);
    const { shardLog } = subjectsOf("resonance");
    const act = { kind: "behaviour", user: "ada", type: "view", tsMs: Date.UTC(2026, 0, 5) } as const;
    const poison = (id: string) => poisonEntry({ ...act, id });
    await log.append(shardLog(0), [
      { id: "a", data: encodeEntry({ ...act, id: "a" }) },
      { id: "p", data: poison("p") },
      { id: "q", data: poison("q") },
      { id: "b", data: encodeEntry({ ...act, id: "b" }) },
    ]);
    const status = await untilFolded(client);
    expect(status).toMatchObject({ events: 2, users: 1 });

    const listed = (await letters("list"))["letters"] as Record<string, unknown>[];
    expect(listed).toMatchObject([
      { id: 1, shard: 0, sequence: 2, entry: { user: "ada", id: "p" } },
      { id: 2, shard: 0, sequence: 3, entry: { user: "ada", id: "q" } },
    ]);
    expect(listed[0]?.["stack"]).toMatch(/^[0-9a-f]{16}$/);
    expect(listed[0]?.["stack"]).toBe(listed[1]?.["stack"]); // The same fault.
    expect(await letters("show", "1")).toMatchObject({ code: "INTERNAL", sequence: 2 });
    expect(await letters("show", "9")).toMatchObject({ error: { code: "NO_SUCH_LETTER" } });
    expect(await letters("drop")).toMatchObject({ error: { code: "NO_LETTER_NAMED" } });

    expect(await letters("retry", "1", "--dry-run")).toEqual({ retried: [1], dryRun: true });
    expect(await letters("retry", "1")).toEqual({ retried: [1], dryRun: false });
    await untilFolded(client);
    // It fails again, at its new place: the cause is still there.
    expect((await letters("list"))["letters"]).toMatchObject([{ id: 2 }, { id: 3, sequence: 5 }]);
    expect(await letters("drop", "--all")).toEqual({ dropped: [2, 3], dryRun: false });
    expect(await letters("list")).toEqual({ letters: [] });
    await client.close();
    await connection.close();
  } finally {
    await node.stop();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
