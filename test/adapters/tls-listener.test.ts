import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { serveAdmin } from "../../src/adapters/admin-server.ts";
import { type HttpLimits, serveHttp } from "../../src/adapters/http-server.ts";
import { type TlsFiles, watchTls } from "../../src/adapters/tls-files.ts";
import { makeCertificates, type ServerCertificates } from "../../src/cli/auth/certificates.ts";
import { type AdminRoute, jsonReply } from "../../src/gateway/http/admin-route.ts";
import type { HttpRoute } from "../../src/gateway/http/http-route.ts";
import { hashOfKey, KeyRing, newKey } from "../../src/gateway/http/key-ring.ts";
import { tlsOf } from "../../src/start-listener.ts";
import { documentedCodes } from "../gateway/documented-codes.ts";

const DAY_MS = 86_400_000;
const key = newKey("operator", (bytes) => new Uint8Array(bytes).fill(7));
const keys = () => new KeyRing([{ name: "ops", role: "operator", sha256: hashOfKey(key), origins: [] }]);
const HEALTH = { method: "GET", path: "/healthz", answer: async () => jsonReply({ ok: true }) } as const;
const TAKE: HttpRoute = {
  method: "POST",
  path: "/take",
  answer: async ({ body, baseUrl }) => jsonReply({ bytes: body.length, baseUrl }),
};
const ACT: AdminRoute = {
  method: "POST",
  path: "/act",
  role: "operator",
  answer: async () => jsonReply({ done: true }),
};

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Certificates of an authority of their own, in files. */
async function someFiles(): Promise<TlsFiles & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-tls-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  return { folder, certFile: join(folder, "server.pem"), keyFile: join(folder, "server.key") };
}

async function write(files: TlsFiles, { server }: ServerCertificates): Promise<void> {
  await writeFile(files.certFile, server.certificate);
  await writeFile(files.keyFile, server.key);
}

const made = (days = 30, nowMs = Date.now()) => makeCertificates(["127.0.0.1", "localhost"], days, nowMs);

/** Both listeners with one certificate. */
async function listeners(limits: Partial<HttpLimits> = {}, certificates?: ServerCertificates) {
  const files = await someFiles();
  const its = certificates ?? (await made());
  await write(files, its);
  const said: string[] = [];
  const report = (line: string, facts: { event: string; code?: string }) =>
    void said.push(`${facts.event} ${facts.code ?? ""} ${line}`);
  const watched = async () => {
    const tls = await watchTls(files, report, Date.now);
    closers.push(tls.close);
    return tls;
  };
  const address = { host: "127.0.0.1", port: 0, keys, monotonicMs: () => 0, limits };
  const http = await serveHttp([HEALTH, TAKE], { ...address, tls: await watched() });
  const admin = await serveAdmin([{ ...HEALTH, role: "anyone" }, ACT], {
    ...{ ...address, tls: await watched() },
    files: async () => undefined,
  });
  closers.push(http.close, admin.close);
  return { files, ca: its.authority.certificate, http, admin, said };
}

type Asked = Readonly<{
  ca: string;
  method?: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
}>;

/** One request on a connection of its own. */
async function ask(url: string, { ca, method = "GET", body, headers = {} }: Asked) {
  const asked = request(url, { ca, method, headers, agent: false });
  asked.end(body);
  const [reply] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
  let text = "";
  for await (const part of reply) text += String(part);
  return { status: reply.statusCode, headers: reply.headers, value: JSON.parse(text) };
}

async function handshake(url: string, ca: string, version?: SecureVersion): Promise<TLSSocket> {
  const versions = version === undefined ? {} : { minVersion: version, maxVersion: version };
  const { hostname: host, port } = new URL(url);
  const ciphers = "DEFAULT@SECLEVEL=0"; // Else this side refuses old versions before the other can.
  const socket = connect({ host, port: Number(port), ca, ciphers, ...versions });
  await once(socket, "secureConnect");
  closers.push(() => socket.destroy());
  return socket;
}

const serialOf = async (url: string, ca: string) => {
  const socket = await handshake(url, ca);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** All that comes on a socket until it ends. */
async function heard(socket: import("node:net").Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.on("error", () => {}); // A reset is an end, too.
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

test("intake and admin listener answer over TLS, and say so in their addresses", async () => {
  const { http, admin, ca, said } = await listeners();
  for (const { url } of [http, admin]) {
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const health = await ask(`${url}/healthz`, { ca });
    expect(health).toMatchObject({ status: 200, value: { ok: true } });
    expect(health.headers).not.toHaveProperty("strict-transport-security");
  }
  const taken = await ask(`${http.url}/take`, { ca, method: "POST", body: "{}" });
  expect(taken.value).toEqual({ bytes: 2, baseUrl: http.url });
  expect(said).toEqual([]);
});

test("TLS 1.2 and 1.3 are spoken, older ones are not", async () => {
  const { http, admin, ca } = await listeners();
  for (const { url } of [http, admin]) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const)
      expect((await handshake(url, ca, version)).getProtocol()).toBe(version);
    await expect(handshake(url, ca, "TLSv1.1")).rejects.toThrow(/alert|protocol/i);
  }
});

test("a client that trusts another authority refuses, and one that speaks plain text is hung up on", async () => {
  const { http, admin, ca } = await listeners();
  const other = (await made()).authority.certificate;
  for (const { url } of [http, admin]) {
    await expect(ask(`${url}/healthz`, { ca: other })).rejects.toThrow(/certificate|signature/);
    const plain = connectPlain(Number(new URL(url).port), "127.0.0.1");
    plain.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    expect(await heard(plain)).not.toContain("HTTP/1.1 200");
    await expect(fetch(`${url.replace("https", "http")}/healthz`)).rejects.toThrow();
    expect((await ask(`${url}/healthz`, { ca })).status).toBe(200);
  }
});

test("a renewed certificate is met by new connections, and old ones go on", async () => {
  const { files, http, admin, ca, said } = await listeners();
  const kept = await handshake(http.url, ca);
  const renewed = await made();
  const before = [await serialOf(http.url, ca), await serialOf(admin.url, ca)];
  await writeFile(files.certFile, renewed.server.certificate);
  // The key is still the old one's: what was in force stays.
  await until(() => said.filter((line) => line.startsWith("http.tls-kept BAD_TLS_FILES")).length === 2);
  expect([await serialOf(http.url, ca), await serialOf(admin.url, ca)]).toEqual(before);
  await writeFile(files.keyFile, renewed.server.key);
  await until(() => said.filter((line) => line.startsWith("http.tls-read")).length === 2);
  for (const { url } of [http, admin]) {
    expect((await ask(`${url}/healthz`, { ca: renewed.authority.certificate })).status).toBe(200);
    await expect(ask(`${url}/healthz`, { ca })).rejects.toThrow(/certificate|signature/);
  }
  const answer = once(kept, "data");
  kept.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  expect(String((await answer)[0])).toContain("HTTP/1.1 200");
  kept.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  await heard(kept);
}, 20_000);

test("a certificate that has expired is told, and refused by clients", async () => {
  const { http, ca, said } = await listeners({}, await made(1, Date.now() - 30 * DAY_MS));
  expect(said[0]).toMatch(/^http\.tls-expired .*has expired at/);
  await expect(ask(`${http.url}/healthz`, { ca })).rejects.toThrow(/expired/);
});

test("files that can't be read, are no PEM, or do not fit each other end the start with a documented code", async () => {
  const files = await someFiles();
  const codeOf = () =>
    watchTls(files, () => {}, Date.now).then(
      () => "none",
      (thrown: { code: string; message: string }) => `${thrown.code}: ${thrown.message}`,
    );
  expect(await codeOf()).toMatch(/^TLS_FILES_UNREADABLE: .*ENOENT/);
  const [one, other] = [await made(), await made()];
  await write(files, one);
  await writeFile(files.keyFile, other.server.key);
  expect(await codeOf()).toMatch(/^BAD_TLS_FILES: the key in .* is not that of/);
  await writeFile(files.keyFile, "secret words");
  const told = await codeOf();
  expect(told).toMatch(/^BAD_TLS_FILES: .*server\.key is not a private key/);
  expect(told).not.toContain("secret words");
  await writeFile(files.certFile, "no certificate");
  expect(await codeOf()).toMatch(/^BAD_TLS_FILES: .*server\.pem is not a certificate/);
  const documented = documentedCodes();
  for (const code of ["TLS_FILES_UNREADABLE", "BAD_TLS_FILES", "HTTP_WITHOUT_TLS"])
    expect(documented).toContain(code);
});

test("who only connects, or sends a byte now and then, is cut off as without TLS; bodies keep to their limit", async () => {
  const { http, admin, ca } = await listeners({
    ...{ headersTimeoutMs: 300, requestTimeoutMs: 600, bodyBytesMax: 1_000 },
  });
  for (const { url } of [http, admin]) {
    const silent = connectPlain(Number(new URL(url).port), "127.0.0.1");
    expect(await heard(silent)).toBe("");
    const slow = await handshake(url, ca);
    slow.write("GET /healthz HTTP/1.1\r\nx-a: ");
    expect(await heard(slow)).toContain("REQUEST_TIMEOUT");
  }
  const large = { ca, method: "POST", body: "x".repeat(2_000) };
  expect((await ask(`${http.url}/take`, large)).status).toBe(413);
  const authorization = `Bearer ${key}`;
  expect((await ask(`${admin.url}/act`, { ...large, headers: { authorization } })).status).toBe(413);
}, 20_000);

test("the admin listener takes its own page's origin, and that of no page without TLS", async () => {
  const { admin, ca } = await listeners();
  const act = async (origin: string) => {
    const headers = { authorization: `Bearer ${key}`, origin };
    return (await ask(`${admin.url}/act`, { ca, method: "POST", headers })).status;
  };
  expect(await act(admin.url)).toBe(200);
  expect(await act(admin.url.replace("https", "http"))).toBe(403);
  expect(await act("https://evil.example")).toBe(403);
});

test("a listener without TLS that others reach says so once; one of this machine, and one with a certificate, do not", async () => {
  const said: string[] = [];
  const report = (_: string, { event, level, code }: { event: string; level?: string; code?: string }) =>
    void said.push(`${event} ${level} ${code}`);
  for (const host of ["127.0.0.1", "localhost", "::1", "127.3.2.1"])
    expect(await tlsOf("http", { host }, report)).toBeUndefined();
  expect(said).toEqual([]);
  expect(await tlsOf("http", { host: "0.0.0.0" }, report)).toBeUndefined();
  expect(await tlsOf("admin", { host: "10.1.2.3" }, report)).toBeUndefined();
  expect(said).toEqual(["http.plain warn HTTP_WITHOUT_TLS", "admin.plain warn HTTP_WITHOUT_TLS"]);
  const files = await someFiles();
  await write(files, await made());
  const tls = await tlsOf("http", { host: "0.0.0.0", tls: files }, report);
  expect(tls?.now().cert).toContain("BEGIN CERTIFICATE");
  tls?.close();
  expect(said).toHaveLength(2);
});
