import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NatsIdentity, natsAccess } from "../../src/adapters/nats-access.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { onDenial } from "../../src/adapters/nats-connectivity.ts";
import { readClientFolder } from "../../src/cli/auth/client-folder.ts";
import { userCredentials } from "../../src/cli/auth/issue-tokens.ts";
import { addAuthUser, type InitOptions, initAuth, revokeAuthUser } from "../../src/cli/auth/write-auth.ts";
import { ENDPOINT_ROLES, OPERATOR_TASKS, ROLES, type Role } from "../../src/events/roles.ts";
import type { EngineError } from "../../src/kernel/engine-error.ts";
import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { startNats, type TestNats } from "../start-nats.ts";

const OPTIONS: InitOptions = { mode: "users", prefix: "resonance", tls: false, hosts: [], expiresMs: null };
const NODE: readonly Role[] = ["node"];
const READERS: readonly Role[] = ["node", "reader", "operator"];
const OPERATORS: readonly Role[] = ["node", "operator"];
const NOBODY: readonly Role[] = [];

/** Who may publish what: written down once more here, so that a change of the table has to be meant. */
const PUBLISH: Readonly<Record<string, readonly Role[]>> = {
  "resonance.v1.ingest": ["node", "producer", "operator"],
  "resonance.v1.score": READERS,
  "resonance.v1.score.batch": READERS,
  "resonance.v1.score.session": READERS,
  "resonance.v1.score.shard.12": READERS,
  "resonance.v1.score.batch.shard.12": READERS,
  "resonance.v1.shards": READERS,
  "resonance.v1.content": READERS,
  "resonance.v1.explain": READERS,
  "resonance.v1.profiles": READERS,
  "resonance.v1.status": READERS,
  "resonance.v1.segments.get": READERS,
  "resonance.v1.content.get": READERS,
  "resonance.v1.privacy.get": READERS,
  "resonance.v1.experiments.status": READERS,
  "resonance.v1.experiments.report": READERS,
  "resonance.v1.privacy.report": OPERATORS,
  "resonance.v1.content.rates": OPERATORS,
  "resonance.v1.experiments.define": OPERATORS,
  "resonance.v1.experiments.stop": OPERATORS,
  "resonance.v1.segments.put": OPERATORS,
  "resonance.v1.content.put": OPERATORS,
  "resonance.v1.privacy.put": OPERATORS,
  "resonance.v1.erase": OPERATORS,
  "resonance.v1.export": OPERATORS,
  "resonance.internal.profiles.calibrate": OPERATORS,
  "resonance.internal.profiles.discard": OPERATORS,
  "resonance.internal.profiles.drift": OPERATORS,
  "resonance.internal.profiles.promote": OPERATORS,
  "resonance.internal.profiles.rollback": OPERATORS,
  "resonance.internal.profiles.train": OPERATORS,
  "resonance.internal.profiles.training": OPERATORS,
  "resonance.internal.profiles.whatif": OPERATORS,
  "resonance.v1.transitions.lifecycle.loyal": NODE,
  "resonance.v1.forgotten": NODE,
  "resonance.internal.profiles.status": NODE,
  "resonance.internal.profiles.privacy": NODE,
  "resonance.internal.profiles.centroids": NODE,
  "resonance.internal.shard.0.score": NODE,
  RESONANCE_LOG_0: NODE,
  RESONANCE_SAMPLES: NODE,
  "RESONANCE_REDACTED.RESONANCE_LOG_0.12": NODE,
  "RESONANCE_OTHER.RESONANCE_LOG_0.12": NOBODY,
  "$KV.resonance-releases.segments.1": NODE,
  "$KV.resonance-cluster.nodes.a": NODE,
  "$O.resonance-artefacts.M.a": NODE,
  "$JS.FC.a.b.c": NODE,
  "$JS.API.INFO": NODE,
  "$JS.API.STREAM.CREATE.RESONANCE_X": NODE,
  "$JS.API.STREAM.UPDATE.RESONANCE_X": NODE,
  "$JS.API.STREAM.DELETE.RESONANCE_X": NODE,
  "$JS.API.STREAM.PURGE.RESONANCE_X": NODE,
  "$JS.API.STREAM.INFO.RESONANCE_X": NODE,
  "$JS.API.STREAM.NAMES": NODE,
  "$JS.API.STREAM.LIST": NODE,
  "$JS.API.STREAM.MSG.GET.RESONANCE_X": NODE,
  "$JS.API.STREAM.MSG.DELETE.RESONANCE_X": NODE,
  "$JS.API.DIRECT.GET.RESONANCE_X.a": NODE,
  "$JS.API.CONSUMER.CREATE.RESONANCE_X": NODE,
  "$JS.API.CONSUMER.CREATE.RESONANCE_X.c.f": NODE,
  "$JS.API.CONSUMER.DELETE.RESONANCE_X.c": NODE,
  "$JS.API.CONSUMER.INFO.RESONANCE_X.c": NODE,
  "$JS.API.CONSUMER.MSG.NEXT.RESONANCE_X.c": NODE,
  "$JS.API.CONSUMER.DURABLE.CREATE.RESONANCE_X.c": NOBODY,
  "$JS.API.STREAM.SNAPSHOT.RESONANCE_X": NODE,
  "$JS.API.STREAM.RESTORE.RESONANCE_X": NODE,
  "$JS.SNAPSHOT.ACK.RESONANCE_X.a": NODE, // Takes a part of a backup, so that the next is sent.
  "$JS.SNAPSHOT.RESTORE.RESONANCE_X.a": NODE,
  "$JS.API.STREAM.LEADER.STEPDOWN.RESONANCE_X": NOBODY,
  "$JS.API.ACCOUNT.PURGE.A": NOBODY,
  "$JS.ACK.RESONANCE_X.c.1.1.1.1.1": NOBODY,
  "$SRV.PING": ["operator"],
  "$SRV.STATS.resonance": ["operator"],
  "$SYS.REQ.SERVER.PING": NOBODY,
  "_INBOX.a": NOBODY,
  "_INBOX_node.a": NODE,
  "_INBOX_producer.a": NODE,
  "_INBOX_reader.a": NODE,
  "_INBOX_operator.a": NODE,
  "elsewhere.v1.score": NOBODY,
};

/** Who may listen to what. */
const SUBSCRIBE: Readonly<Record<string, readonly Role[]>> = {
  ">": NOBODY,
  "*": NOBODY,
  "resonance.>": NOBODY,
  "resonance.v1.>": NODE,
  "resonance.v1.ingest": NODE,
  "resonance.v1.score": NODE,
  "resonance.v1.transitions.>": ["node", "reader", "operator"],
  "resonance.v1.transitions.lifecycle.loyal": ["node", "reader", "operator"],
  "resonance.internal.>": NODE,
  "resonance-cluster.told.>": NODE,
  RESONANCE_LOG_0: NOBODY,
  "$KV.resonance-releases.>": NOBODY,
  "$O.>": NOBODY,
  "$JS.>": NOBODY,
  "$JS.EVENT.ADVISORY.>": NOBODY,
  "$JS.SNAPSHOT.>": NOBODY,
  "$SRV.PING": NODE,
  "$SYS.>": NOBODY,
  "_INBOX.>": NOBODY,
  "_INBOX_node.a": NODE,
  "_INBOX_producer.a": ["producer"],
  "_INBOX_reader.a": ["reader"],
  "_INBOX_operator.a": ["operator"],
};

test("every subject that the engine's own tables name is tried", () => {
  const named = [
    ...Object.keys(ENDPOINT_ROLES).map((name) => `resonance.v1.${name.replace("*", "12")}`),
    ...OPERATOR_TASKS.map((name) => `resonance.internal.profiles.${name}`),
  ];
  expect(named.filter((subject) => PUBLISH[subject] === undefined)).toEqual([]);
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-roles-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const server of await natsUnderTest()) {
  if ("skipped" in server) {
    test.skip(`roles over ${server.title}: not tested, for ${server.skipped}`, () => undefined);
    continue;
  }
  describe.for(["users", "jwt"] as const)(`roles in mode %s over ${server.title}`, (mode) => {
    const out = (): string => join(folder, `${mode}-${server.binary.version}`);
    let nats: TestNats;
    const connect = (identity: NatsIdentity) =>
      connectNats({ ...natsAccess(nats.url, identity), name: "roles" });
    const connectAs = async (user: string) => connect(await readClientFolder(join(out(), user)));

    beforeAll(async () => {
      await initAuth(out(), { ...OPTIONS, mode });
      nats = await startNats(server.binary, join(out(), "server", "auth.conf"));
    });
    afterAll(() => nats?.stop());

    test.for(ROLES)(
      "the role %s may publish and listen to what the table says, and to nothing else",
      async (role) => {
        const nc = await connectAs(role);
        const denied = { publish: new Set<string>(), subscription: new Set<string>() };
        onDenial(nc, ({ operation, subject }) => denied[operation].add(subject));
        for (const subject of Object.keys(PUBLISH)) nc.publish(subject);
        for (const subject of Object.keys(SUBSCRIBE)) nc.subscribe(subject, { callback: () => {} });
        await nc.flush();
        await nc.flush(); // What the server said before its first answer is told by now.
        await nc.close();
        const allowed = (table: typeof PUBLISH): string[] =>
          Object.keys(table).filter((subject) => table[subject]?.includes(role));
        expect(Object.keys(PUBLISH).filter((subject) => !denied.publish.has(subject))).toEqual(
          allowed(PUBLISH),
        );
        expect(Object.keys(SUBSCRIBE).filter((subject) => !denied.subscription.has(subject))).toEqual(
          allowed(SUBSCRIBE),
        );
      },
    );

    test("nobody, a stranger and a user of another deployment are refused, and no error shows a key", async () => {
      const other = join(folder, `other-${mode}-${server.binary.version}`);
      await initAuth(other, { ...OPTIONS, mode });
      for (const identity of [
        {},
        { user: "ada", password: "hunter2" },
        { token: "hunter2" },
        await readClientFolder(join(other, "operator")),
      ]) {
        const error = await connect(identity).then(
          () => undefined,
          (thrown) => thrown,
        );
        expect(error).toMatchObject({ code: "NATS_UNAUTHORIZED", retryable: false });
        expect(JSON.stringify(error.toWire())).not.toMatch(/hunter2|\bS[UA][A-Z2-7]{56}|eyJ/);
      }
    });

    test("a user who is revoked is cut off, and does not come in again", async () => {
      await addAuthUser(out(), "shop", "producer");
      await untilAsync(() =>
        connectAs("shop").then(
          (nc) => nc.close().then(() => true),
          () => false,
        ),
      );
      const identity = await readClientFolder(join(out(), "shop"));
      const copy = join(folder, `stolen-${mode}-${server.binary.version}`);
      const file = identity.credentialsFile ?? identity.nkeyFile ?? "";
      await writeFile(copy, await readFile(file), { mode: 0o600 });
      const stolen = { ...identity, [mode === "jwt" ? "credentialsFile" : "nkeyFile"]: copy };
      const nc = await connect(stolen);
      const cutOff = new Promise<void>((resolve) => {
        void (async () => {
          for await (const { type } of nc.status()) if (type === "disconnect") resolve();
        })();
      });
      await revokeAuthUser(out(), "shop", "all");
      await cutOff;
      await nc.close();
      // A server cuts off first, and may let somebody in once more before it knows the new list.
      const refusal = () =>
        connect(stolen).then(
          (again) => again.close().then(() => "let in"),
          (thrown: EngineError) => thrown.code,
        );
      await expect.poll(refusal, { timeout: 10_000 }).toBe("NATS_UNAUTHORIZED");
      for (let i = 0; i < 5; i++) expect(await refusal()).toBe("NATS_UNAUTHORIZED");
      await (await connectAs("producer")).close(); // Others are as before.
    });

    test.runIf(mode === "jwt")(
      "expired credentials are refused; renewed in time, a connection outlives them",
      async () => {
        const { account } = JSON.parse(await readFile(join(out(), "keys", "signing.json"), "utf8"));
        const pair = createUser();
        const file = join(folder, `expiring-${server.binary.version}.creds`);
        const renew = async (expiresAtMs: number): Promise<void> => {
          const signing = { account, prefix: "resonance", expiresAtMs };
          await writeFile(file, await userCredentials({ name: "late", role: "reader", pair }, signing));
        };
        await renew(Date.now() - 60_000);
        await expect(connect({ credentialsFile: file })).rejects.toMatchObject({ code: "NATS_UNAUTHORIZED" });
        await renew(Date.now() + 3_000);
        const nc = await connect({ credentialsFile: file, inboxPrefix: "_INBOX_reader" });
        const told: string[] = [];
        const back = (async () => {
          for await (const { type } of nc.status()) {
            told.push(type);
            if (type === "reconnect") return;
          }
        })();
        await renew(Date.now() + 3_600_000);
        await back;
        expect(told).toContain("disconnect");
        await nc.flush();
        await nc.close();
      },
    );
  });

  describe(`TLS over ${server.title}`, () => {
    const out = (): string => join(folder, `tls-${server.binary.version}`);
    let secured: TestNats;
    let plain: TestNats;
    beforeAll(async () => {
      await initAuth(out(), { ...OPTIONS, tls: true });
      secured = await startNats(server.binary, join(out(), "server", "auth.conf"));
      plain = await startNats(server.binary);
    });
    afterAll(async () => {
      await secured?.stop();
      await plain?.stop();
    });
    const connect = async (url: string, given: NatsIdentity = {}) => {
      const identity = await readClientFolder(join(out(), "reader"));
      return connectNats({ ...natsAccess(url, { ...identity, ...given }), name: "tls" });
    };

    test("with the deployment's authority a client connects, by address and by name", async () => {
      for (const url of [secured.url, secured.url.replace("127.0.0.1", "localhost")]) {
        const nc = await connect(url);
        expect(nc.info?.tls_required).toBe(true);
        await nc.close();
      }
    });

    test("a server whose authority is another one's, or unknown, is not trusted", async () => {
      const other = join(folder, `foreign-${server.binary.version}`);
      await initAuth(other, { ...OPTIONS, tls: true });
      for (const tls of [{ caFile: join(other, "ca.pem") }, {}])
        await expect(connect(secured.url, { tls })).rejects.toMatchObject({
          code: "NATS_TLS_FAILED",
          retryable: false,
          message: expect.stringContaining("authority that is not trusted"),
        });
    });

    test("a server that offers no TLS gets nothing from a client that wants it", async () => {
      await expect(connect(plain.url)).rejects.toMatchObject({
        code: "NATS_TLS_FAILED",
        message: expect.stringContaining("offers no TLS"),
      });
      await expect(
        connectNats({ servers: [plain.url.replace("nats:", "tls:")], name: "tls" }),
      ).rejects.toMatchObject({ code: "NATS_TLS_FAILED" });
    });

    test("a server that wants a client's certificate takes one of its authority, and no other", async () => {
      const config = await readFile(join(out(), "server", "auth.conf"), "utf8");
      const verifying = join(out(), "verifying.conf");
      const ca = JSON.stringify(join(out(), "ca.pem"));
      await writeFile(verifying, config.replace("tls {", `tls {\n  verify: true\n  ca_file: ${ca}`));
      const nats = await startNats(server.binary, verifying);
      const other = join(folder, `client-${server.binary.version}`);
      await initAuth(other, { ...OPTIONS, tls: true });
      const caFile = join(out(), "ca.pem");
      const certificateOf = (where: string) => ({
        caFile,
        certFile: join(where, "server", "server.pem"),
        keyFile: join(where, "server", "server.key"),
      });
      try {
        await (await connect(nats.url, { tls: certificateOf(out()) })).close();
        for (const tls of [{ caFile }, certificateOf(other)])
          await expect(connect(nats.url, { tls })).rejects.toMatchObject({ code: "NATS_TLS_FAILED" });
      } finally {
        await nats.stop();
      }
    });

    test("who speaks in plain text to a server with TLS is cut off before anything is done", async () => {
      const said = (await saidInPlainText(secured.url)).trim().split("\r\n");
      expect(said).toEqual([expect.stringMatching(/^INFO .*"tls_required":true/)]);
    });
  });
}

async function untilAsync(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** What a server says to somebody who goes on in plain text after its greeting, until it hangs up. */
function saidInPlainText(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = dial({ host, port: Number(port) });
    let said = "";
    socket.on("data", (bytes) => {
      if (said === "") socket.write('CONNECT {"verbose":false,"user":"ada","pass":"x"}\r\nPING\r\n');
      said += bytes.toString("latin1");
    });
    socket.on("error", () => {}); // It may be reset: that is told as closed, too.
    socket.on("close", () => resolve(said));
  });
}
