import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "@nats-io/jwt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readClientFolder } from "../../../src/cli/auth/client-folder.ts";
import { roleTable } from "../../../src/cli/auth/role-table.ts";
import {
  addAuthUser,
  type InitOptions,
  initAuth,
  revokeAuthUser,
  rotateAuthUser,
} from "../../../src/cli/auth/write-auth.ts";
import { permissionsOf } from "../../../src/events/roles.ts";

const OPTIONS: InitOptions = { mode: "users", prefix: "resonance", tls: false, hosts: [], expiresMs: null };
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-auth-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const made = async (name: string, given: Partial<InitOptions> = {}): Promise<string> => {
  const out = join(folder, name);
  await initAuth(out, { ...OPTIONS, ...given });
  return out;
};
const textOf = (...path: string[]): Promise<string> => readFile(join(...path), "utf8");
const lockOf = async (out: string, node = "node"): Promise<Record<string, string>> =>
  (JSON.parse(await textOf(out, node, "roles.json")) as { keys: Record<string, string> }).keys;

test.for(["users", "jwt"] as const)(
  "everything that is made in mode %s is for its owner alone",
  async (mode) => {
    const out = await made(`modes-${mode}`, { mode, tls: true });
    const files = await readdir(out, { recursive: true, withFileTypes: true });
    for (const entry of files) {
      const { mode: bits } = await stat(join(entry.parentPath, entry.name));
      expect(bits & 0o777, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
    expect(files.filter((entry) => entry.isFile()).length).toBeGreaterThan(15);
  },
);

test("a client's folder holds nothing that another role could be played with", async () => {
  const out = await made("apart", { mode: "jwt" });
  expect((await readdir(join(out, "reader"))).sort()).toEqual(["client.json", "user.creds"]);
  const identity = await readClientFolder(join(out, "reader"));
  expect(identity).toEqual({
    inboxPrefix: "_INBOX_reader",
    signs: "resonance",
    credentialsFile: join(out, "reader", "user.creds"),
  });
  expect(await textOf(out, "server", "auth.conf")).not.toMatch(/\bS[OAU][A-Z2-7]{56}\b/); // No seed of anybody.
});

test("a token holds the permissions of its role, and its end", async () => {
  const out = await made("tokens", { mode: "jwt", expiresMs: 3_600_000 });
  const credentials = await textOf(out, "producer", "user.creds");
  const token = /-----BEGIN NATS USER JWT-----\n(.+)\n/.exec(credentials)?.[1] ?? "";
  const { nats, exp } = decode<{ pub: { allow: string[] }; sub: { allow: string[] } }>(token);
  const { publish, subscribe } = permissionsOf("producer", "resonance");
  expect([nats.pub?.allow, nats.sub?.allow]).toEqual([publish, subscribe]);
  expect(exp).toBeGreaterThan(Date.now() / 1_000 + 3_500);
  expect(exp).toBeLessThan(Date.now() / 1_000 + 3_700);
});

test("what was made once is not made over", async () => {
  const out = await made("once");
  const before = await textOf(out, "node", "user.nk");
  await expect(initAuth(out, OPTIONS)).rejects.toMatchObject({ code: "AUTH_EXISTS" });
  expect(await textOf(out, "node", "user.nk")).toBe(before);
});

test("a new key is taken beside the former one until that is revoked", async () => {
  const out = await made("rotated");
  const { keys } = await rotateAuthUser(out, "operator");
  const [former, current] = keys.filter(({ user }) => user === "operator").map(({ key }) => key);
  const config = (): Promise<string> => textOf(out, "server", "auth.conf");
  expect(await config()).toContain(former);
  expect(await config()).toContain(current);
  expect(Object.keys(await lockOf(out))).toEqual(expect.arrayContaining([former, current]));
  await revokeAuthUser(out, "operator", "former");
  expect(await config()).not.toContain(former);
  expect(await config()).toContain(current);
  expect(Object.keys(await lockOf(out))).not.toContain(former);
});

test("a revoked user has no key, no folder, and no place in the server's configuration", async () => {
  const out = await made("revoked");
  await addAuthUser(out, "shop", "producer");
  expect(await textOf(out, "server", "auth.conf")).toContain("# shop: producer");
  await revokeAuthUser(out, "shop", "all");
  expect(await textOf(out, "server", "auth.conf")).not.toContain("# shop: producer");
  expect(await readdir(out)).not.toContain("shop");
  await expect(rotateAuthUser(out, "shop")).rejects.toMatchObject({ code: "NO_SUCH_AUTH_USER" });
});

test("a second node gets the lock, too, and both learn of later keys", async () => {
  const out = await made("nodes");
  await addAuthUser(out, "node-2", "node");
  await addAuthUser(out, "ada", "operator");
  expect(await lockOf(out, "node-2")).toEqual(await lockOf(out));
  expect(Object.values(await lockOf(out)).sort()).toEqual([
    "node",
    "node",
    "operator",
    "operator",
    "producer",
    "reader",
  ]);
});

test("names that would be folders of something else are refused", async () => {
  const out = await made("names");
  for (const name of ["server", "keys", "../x", "", "A", "a/b", "-x"])
    await expect(addAuthUser(out, name, "reader"), name).rejects.toMatchObject({ code: "BAD_AUTH_USER" });
  await expect(addAuthUser(out, "reader", "reader")).rejects.toMatchObject({ code: "AUTH_USER_EXISTS" });
  await expect(addAuthUser(join(folder, "none"), "x", "reader")).rejects.toMatchObject({
    code: "NO_SUCH_AUTH",
  });
  await expect(readClientFolder(out)).rejects.toMatchObject({ code: "AUTH_ROLE_NEEDED" });
});

test("docs/security.md has the table of roles as the server gets it", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/security.md"), "utf8");
  expect(page).toContain(roleTable("resonance").join("\n"));
});
