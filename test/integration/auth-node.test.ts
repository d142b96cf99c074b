import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { natsAccess } from "../../src/adapters/nats-access.ts";
import { natsBus } from "../../src/adapters/nats-bus.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { readAuthState } from "../../src/cli/auth/auth-state.ts";
import { readClientFolder } from "../../src/cli/auth/client-folder.ts";
import { initAuth, revokeAuthUser, rotateAuthUser } from "../../src/cli/auth/write-auth.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const DEFINITIONS = { maps: [{ name: "lifecycle", segments: ["new", "loyal"] }] };
const PATIENCE_MS = 5_000;
const SILENCE_MS = 500;

describe.for(["users", "jwt"] as const)("a node with roles in mode %s, over TLS", (mode) => {
  let folder = "";
  let auth = "";
  let node: NodeProcess;
  const said: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "resonance-auth-node-"));
    auth = join(folder, "auth");
    await initAuth(auth, { mode, prefix: "resonance", tls: true, hosts: [], expiresMs: null });
    const options = ["--auth", auth, "--data", join(folder, "data"), "--shards", "2", "--threads", "1"];
    options.push("--log-format", "json");
    node = await startNodeProcess(options, { said: (line) => void said.push(line) });
  }, 60_000);
  afterAll(async () => {
    await node?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const connectAs = (user: string): Promise<Client> =>
    connectClient({ auth: join(auth, user), data: join(folder, "data"), prefix: "resonance" }, user);
  const as = async <Result>(user: string, act: (client: Client) => Promise<Result>): Promise<Result> => {
    const client = await connectAs(user);
    try {
      return await act(client);
    } finally {
      await client.close();
    }
  };
  /** As `auth.json` names the users of keys. */
  const publicKeyOf = async (user: string): Promise<string | undefined> => {
    const { keys } = await readAuthState(auth);
    return keys.find((one) => one.user === user)?.key;
  };
  const anEvent = (id: string) => ({ id, user: "ada", type: "view", ts: Date.now() });

  test("each role does what it is there for", async () => {
    expect(node.ready).toMatchObject({ nats: { url: expect.stringMatching(/^tls:/) } });
    expect(await as("operator", (client) => client.ask("segments.put", DEFINITIONS))).toMatchObject({
      version: 1,
    });
    expect(await as("producer", (client) => client.ask("ingest", anEvent("e1")))).toMatchObject({
      accepted: 1,
    });
    const answer = await as("reader", async (client) => {
      const until = Date.now() + PATIENCE_MS;
      for (;;) {
        try {
          return await client.ask("score", { user: "ada" });
        } catch (thrown) {
          if (Date.now() > until) throw thrown; // The definitions are on their way to the shard.
        }
      }
    });
    expect(answer).toMatchObject({ user: "ada", map: "lifecycle" });
    expect(await as("reader", (client) => client.ask("status", {}))).toMatchObject({ ready: true });
    expect(await as("reader", (client) => client.ask("experiments.status", {}))).toMatchObject({
      experiments: [],
    });
    expect(await as("operator", (client) => client.ask("privacy.report", {}))).toEqual({ maps: [] });
  });

  test("a role that asks for more hears FORBIDDEN, at once", async () => {
    for (const [user, endpoint] of [
      ["producer", "score"],
      ["producer", "segments.put"],
      ["producer", "experiments.status"],
      ["reader", "experiments.stop"],
      ["reader", "ingest"],
      ["reader", "content.put"],
      ["reader", "privacy.report"],
    ] as const)
      await expect(
        as(user, (client) => client.ask(endpoint, {})),
        `${user} ${endpoint}`,
      ).rejects.toMatchObject({
        code: "FORBIDDEN",
        retryable: false,
      });
  });

  test("what operators ask is in the node's log with their public key and what came of it, and nothing else is", async () => {
    const before = trailOf(said).length;
    await as("operator", async (client) => {
      await client.ask("segments.put", DEFINITIONS);
      await client.ask("erase", { user: "gone", waitMs: 0 });
      await expect(client.ask("privacy.report", { map: "none" })).rejects.toThrow();
      const rollback = client.bus.request("resonance.internal.profiles.rollback", encode({}), {
        timeoutMs: PATIENCE_MS,
        contentType: "application/msgpack",
      });
      expect((await rollback).error?.code).toBe("NOTHING_TO_ROLL_BACK");
      await client.ask("status", {});
    });
    await as("reader", (client) => client.ask("score", { user: "ada" }));
    await expect.poll(() => trailOf(said).length - before).toBe(4);
    const by = await publicKeyOf("operator");
    const line = { event: "operator.request", node: expect.any(String), via: "nats", by, level: "info" };
    expect(trailOf(said).slice(before)).toMatchObject([
      { ...line, endpoint: "resonance.v1.segments.put", outcome: "ok" },
      { ...line, endpoint: "resonance.v1.erase", outcome: "ok" },
      { ...line, endpoint: "resonance.v1.privacy.report", outcome: "failed", code: "UNKNOWN_MAP" },
      {
        ...{ ...line, outcome: "failed", code: "NOTHING_TO_ROLL_BACK" },
        endpoint: "resonance.internal.profiles.rollback",
      },
    ]);
    expect(said.join("\n")).not.toContain("gone");
  });

  test.runIf(mode === "users")(
    "a user whom the server lets do everything is stopped by the node: unsigned, in a role's place, or with a log as the inbox",
    async () => {
      const config = join(auth, "server", "auth.conf");
      const before = await readFile(config, "utf8");
      await writeFile(
        config,
        before.replace("  users: [\n", '  users: [\n    { user: rogue, password: "x" }\n'),
      );
      const url = String((node.ready["nats"] as { url: string }).url);
      const tls = { caFile: join(auth, "ca.pem") };
      const rogue = await connectWhenKnown(() =>
        connectNats({ ...natsAccess(url, { user: "rogue", password: "x", tls }), name: "rogue" }),
      );
      try {
        const put = new TextEncoder().encode(JSON.stringify(DEFINITIONS));
        const asked = (subject: string, inbox: string, data: Uint8Array) =>
          answerTo(rogue, subject, inbox, data);
        expect(await asked("resonance.v1.segments.put", "_INBOX_operator.x", put)).toContain(
          "SIGNATURE_REQUIRED",
        );
        expect(await asked("resonance.internal.profiles.rollback", "_INBOX_operator.x", put)).toContain(
          "SIGNATURE_REQUIRED",
        );
        expect(await asked("resonance.v1.score", "_INBOX_producer.x", put)).toContain("FORBIDDEN");
        expect(await asked("resonance.internal.shard.0.status", "_INBOX_operator.x", put)).toContain(
          "FORBIDDEN",
        );
        // What a node answers there would be taken for a log's entry, or for an order to JetStream.
        for (const inbox of ["RESONANCE_ELSEWHERE", "_INBOX.x", "$JS.API.STREAM.PURGE.RESONANCE_NONE"])
          for (const subject of ["resonance.v1.status", "resonance.v1.ingest", "$SRV.PING", "$SRV.INFO"])
            expect(await asked(subject, inbox, new Uint8Array()), `${subject} to ${inbox}`).toBe(undefined);
        const { gateway } = (await as("reader", (client) => client.ask("status", {}))) as StatusReply;
        expect(gateway.errors).toMatchObject({ SIGNATURE_REQUIRED: 1, FORBIDDEN: 1, NO_INBOX: 12 });
        const refused = trailOf(said).filter(({ outcome }) => outcome === "refused");
        const unsigned = { level: "warn", code: "SIGNATURE_REQUIRED" };
        expect(refused).toMatchObject([
          { ...unsigned, endpoint: "resonance.v1.segments.put" },
          { ...unsigned, endpoint: "resonance.internal.profiles.rollback" },
        ]);
        expect(refused.filter(({ by }) => by !== undefined)).toEqual([]);
      } finally {
        await rogue.close();
        await writeFile(config, before);
      }
    },
  );

  test("an operator's key signs for its owner alone: a copy of the request is refused", async () => {
    const identity = await readClientFolder(join(auth, "operator"));
    const url = String((node.ready["nats"] as { url: string }).url);
    const nc = await connectNats({ ...natsAccess(url, identity), name: "operator" });
    const sent: { subject: string; data: Uint8Array; options: object }[] = [];
    const publish = nc.publish.bind(nc);
    nc.publish = (subject, data, options = {}) => {
      sent.push({ subject, data: data as Uint8Array, options });
      publish(subject, data, options);
    };
    const bus = natsBus(nc);
    const put = new TextEncoder().encode(JSON.stringify(DEFINITIONS));
    const reply = await bus.request("resonance.v1.segments.put", put, { timeoutMs: PATIENCE_MS });
    expect(reply.error).toBe(undefined);
    const [first] = sent.filter(({ subject }) => subject === "resonance.v1.segments.put");
    const { reply: inbox } = (first?.options ?? { reply: "" }) as { reply: string };
    const again = new Promise<string>((resolve) => {
      nc.subscribe(inbox, { max: 1, callback: (_, message) => resolve(message.string()) });
    });
    publish("resonance.v1.segments.put", first?.data, first?.options);
    expect(await again).toContain("BAD_SIGNATURE");
    await nc.close();
  });

  test("a node's key is replaced while it runs: the former one is refused, and the node is back by itself", async () => {
    onTestFailed(() => void process.stdout.write(`${said.join("\n")}\n`));
    const own = join(auth, "node");
    const copy = join(folder, "former");
    await cp(own, copy, { recursive: true });
    await rotateAuthUser(auth, "node");
    await revokeAuthUser(auth, "node", "former"); // The server cuts the node off, which comes back with its new key.
    const url = String((node.ready["nats"] as { url: string }).url);
    const former = { ...natsAccess(url, await readClientFolder(copy)), name: "former" };
    const refusal = async (): Promise<unknown> =>
      connectNats(former).then(
        (nc) => nc.close(),
        (thrown) => thrown,
      );
    await expect.poll(refusal, { timeout: PATIENCE_MS }).toMatchObject({ code: "NATS_UNAUTHORIZED" });
    const client = await connectAs("operator");
    // A single node is away for the moment in which it connects anew.
    const ask = (endpoint: string, body: unknown): Promise<unknown> =>
      client.ask(endpoint, body).catch(() => undefined);
    await expect
      .poll(() => ask("ingest", anEvent("after")), { timeout: PATIENCE_MS })
      .toMatchObject({ accepted: 1 });
    await expect
      .poll(() => ask("status", {}), { timeout: 4 * PATIENCE_MS })
      .toMatchObject({ ready: true, lag: 0 });
    expect(await client.ask("score", { user: "ada" })).toMatchObject({ user: "ada" });
    await client.close();
    expect(said.join("\n")).not.toMatch(/\bS[UA][A-Z2-7]{56}\b|eyJ/); // No key and no token in what the node says.
  });
});

/** Lines of a node's log that tell what operators have asked. */
function trailOf(said: readonly string[]): Readonly<Record<string, unknown>>[] {
  return said
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ event }) => event === "operator.request");
}

/** The server takes up to half a second to hear of a new user. */
async function connectWhenKnown(connect: () => Promise<NatsConnection>): Promise<NatsConnection> {
  for (;;) {
    try {
      return await connect();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** What is answered to a request; undefined if nothing is. */
async function answerTo(
  nc: NatsConnection,
  subject: string,
  inbox: string,
  data: Uint8Array,
): Promise<string | undefined> {
  const answer = new Promise<string | undefined>((resolve) => {
    // A stream that is not there answers the order itself.
    const listened = nc.subscribe(inbox, { callback: (_, message) => resolve(message.string()) });
    void new Promise((after) => setTimeout(after, SILENCE_MS)).then(() => {
      listened.unsubscribe();
      resolve(undefined);
    });
  });
  nc.publish(subject, data, { reply: inbox });
  return answer;
}
