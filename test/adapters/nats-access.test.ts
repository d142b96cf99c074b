import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUser } from "@nats-io/nkeys";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasIdentity, natsAccess, urlsOf } from "../../src/adapters/nats-access.ts";
import { authenticatorOf } from "../../src/adapters/nats-authenticator.ts";
import { identityOf } from "../../src/cli/nats-options.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-access-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const failure = (act: () => unknown): EngineError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
  }
  throw new Error("it did not fail as it should");
};

test.for([
  ["one:4222", { servers: ["one:4222"] }],
  ["one", { servers: ["one:4222"] }],
  ["nats://one:80, two:4333", { servers: ["one:80", "two:4333"] }],
  ["nats://[::1]:4222", { servers: ["[::1]:4222"] }],
  ["nats://ada:s%40cret@one", { servers: ["one:4222"], user: "ada", password: "s@cret" }],
  ["nats://ada:@one", { servers: ["one:4222"], user: "ada", password: "" }],
  ["nats://t0ken@one", { servers: ["one:4222"], token: "t0ken" }],
  ["tls://one", { servers: ["one:4222"], tls: {} }],
  ["tls://ada:x@one,two", { servers: ["one:4222", "two:4222"], tls: {}, user: "ada", password: "x" }],
] as const)("%s is read", ([url, access]) => {
  expect(natsAccess(url)).toEqual(access);
});

test.for(["", "http://one", "nats://one/path", "nats://one:99999", "one two", "nats://ada:%zz@one"])(
  "%s is refused",
  (url) => {
    expect(failure(() => natsAccess(url))).toMatchObject({ code: "BAD_NATS_URL", retryable: false });
  },
);

test("no secret of a URL is in the servers, in what is told, or in the error about it", () => {
  const secret = fc.stringMatching(/^[a-z0-9]{12,20}$/);
  fc.assert(
    fc.property(
      secret,
      secret,
      fc.constantFrom("", ":", "/x", " ", "?a", "#b", "%"),
      (user, password, broken) => {
        const url = `nats://${user}:${password}${broken}@one:4222`;
        let told: string;
        try {
          const access = natsAccess(url);
          told = `${access.servers.join()} ${urlsOf(access)}`;
        } catch (thrown) {
          told = `${thrown} ${JSON.stringify((thrown as EngineError).toWire())}`;
        }
        expect(told).not.toContain(password);
        expect(told).not.toContain(user);
      },
    ),
  );
});

test("an identity that is given goes before the one in a URL", () => {
  expect(natsAccess("nats://ada:x@one", { nkeyFile: "k" })).toEqual({ servers: ["one:4222"], nkeyFile: "k" });
});

test("a file of credentials is read again at each connection; one that can't be read any more does not end it", async () => {
  const file = join(folder, "password");
  await writeFile(file, "first\n");
  const authenticator = authenticatorOf({ user: "ada", passwordFile: file });
  expect(authenticator?.("")).toEqual({ user: "ada", pass: "first" });
  await writeFile(file, "second\n");
  expect(authenticator?.("")).toEqual({ user: "ada", pass: "second" });
  await rm(file);
  expect(authenticator?.("")).toEqual({ user: "ada", pass: "second" });
});

test("an nkey's file answers the server's challenge; one with anything else is refused without showing it", async () => {
  const pair = createUser();
  const file = join(folder, "user.nk");
  await writeFile(file, pair.getSeed());
  expect(authenticatorOf({ nkeyFile: file })?.("nonce")).toMatchObject({ nkey: pair.getPublicKey() });
  await writeFile(file, "hunter2");
  const error = failure(() => authenticatorOf({ nkeyFile: file }));
  expect(error).toMatchObject({ code: "CREDENTIALS_UNREADABLE", retryable: false });
  expect(JSON.stringify(error.toWire())).not.toContain("hunter2");
  expect(failure(() => authenticatorOf({ credentialsFile: join(folder, "none") }))).toMatchObject({
    code: "CREDENTIALS_UNREADABLE",
  });
});

test("secrets come from files or the environment, and belong to who is named", async () => {
  const env = { RESONANCE_NATS_PASSWORD: "p", RESONANCE_NATS_TOKEN: "t" };
  expect(await identityOf({ natsUser: "ada" }, env)).toEqual({ user: "ada", password: "p" });
  expect(await identityOf({ natsUser: "ada", natsPasswordFile: "f" }, env)).toEqual({
    user: "ada",
    passwordFile: "f",
  });
  expect(await identityOf({ natsNkey: "k" }, env)).toEqual({ nkeyFile: "k" });
  expect(await identityOf({}, env)).toEqual({ token: "t" });
  expect(await identityOf({ natsCa: "ca", natsTlsFirst: true }, {})).toEqual({
    tls: { caFile: "ca", handshakeFirst: true },
  });
  expect(hasIdentity(await identityOf({}, {}))).toBe(false);
  await expect(identityOf({ auth: folder }, {})).rejects.toMatchObject({ code: "NO_SUCH_AUTH" });
});
