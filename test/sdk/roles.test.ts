import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../sdk/src/index.ts";
import { initAuth } from "../../src/cli/auth/write-auth.ts";
import { connectClient } from "../../src/cli/client.ts";
import { type NodeProcess, startNodeProcess } from "../integration/node-process.ts";
import { DEFINITIONS } from "./a-node.ts";

describe.for(["users", "jwt"] as const)("a deployment with roles in mode %s, over TLS", (mode) => {
  let folder = "";
  let node: NodeProcess;
  let servers = "";
  const auth = (role: string): string => join(folder, "auth", role);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "resonance-sdk-roles-"));
    await initAuth(join(folder, "auth"), {
      mode,
      prefix: "resonance",
      tls: true,
      hosts: [],
      expiresMs: null,
    });
    const data = join(folder, "data");
    node = await startNodeProcess([
      "--auth",
      join(folder, "auth"),
      "--data",
      data,
      "--shards",
      "2",
      "--threads",
      "1",
    ]);
    servers = String((node.ready["nats"] as { url: string }).url);
    const operator = await connectClient({ auth: auth("operator"), data, prefix: "resonance" }, "operator");
    await operator.ask("segments.put", DEFINITIONS);
    await operator.close();
  }, 60_000);
  afterAll(async () => {
    await node?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("a producer sends, and is told at once that it may not ask", async () => {
    const producer = await connect({ servers, auth: auth("producer") });
    expect(await producer.ingest({ user: "ada", type: "view" })).toMatchObject({ accepted: 1 });
    const sinceMs = performance.now();
    await expect(producer.score("ada")).rejects.toMatchObject({ code: "FORBIDDEN", retryable: false });
    await expect(producer.transitions().next()).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(performance.now() - sinceMs).toBeLessThan(2_000);
    await producer.close();
  });

  test("a reader asks, also shards themselves, and is told at once that it may not send", async () => {
    const reader = await connect({ servers, auth: auth("reader") });
    expect(await reader.score("ada", { timeoutMs: 20_000 })).toMatchObject({ user: "ada", map: "taste" });
    while ((await reader.score("ada")).way !== "shard");
    expect((await reader.scoreMany(["ada", "bob"])).ways).toEqual(["shard"]);
    await reader.transitions().ready;
    await expect(reader.ingest({ user: "ada", type: "view" })).rejects.toMatchObject({ code: "FORBIDDEN" });
    await reader.close();
  });

  test("who has files instead of a folder names them, and the role", async () => {
    const file =
      mode === "jwt"
        ? { credentials: join(auth("reader"), "user.creds") }
        : { nkey: join(auth("reader"), "user.nk") };
    const tls = { caFile: join(folder, "auth", "ca.pem") };
    const reader = await connect({ servers, ...file, tls, role: "reader" });
    expect(await reader.score("ada")).toMatchObject({ user: "ada" });
    await reader.close();
  });

  test("nobody is let in without credentials, or with those of a folder that is none", async () => {
    const tls = { caFile: join(folder, "auth", "ca.pem") };
    await expect(connect({ servers, tls })).rejects.toMatchObject({ code: "NATS_UNAUTHORIZED" });
    await expect(connect({ servers, auth: join(folder, "auth") })).rejects.toMatchObject({
      code: "CREDENTIALS_UNREADABLE",
    });
    await expect(connect({ servers, nkey: join(folder, "none.nk"), tls })).rejects.toMatchObject({
      code: "CREDENTIALS_UNREADABLE",
    });
  });
});
