import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { type HttpServerOptions, type RunningHttpServer, serveHttp } from "../../src/adapters/http-server.ts";
import { engineRoutes } from "../../src/gateway/http/engine-routes.ts";
import type { HttpRoute } from "../../src/gateway/http/http-route.ts";
import { hashOfKey, type KeptKey, KeyRing, newKey } from "../../src/gateway/http/key-ring.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { documentedCodes } from "../gateway/documented-codes.ts";
import { anEvent, gatewayWorld } from "../gateway/gateway-world.ts";

const SHOP = "https://shop.example";
const random = (bytes: number) => new Uint8Array(bytes).fill(randomByte++);
let randomByte = 1;
const [writeKey, pageKey, readKey, slowKey] = [
  newKey("producer", random),
  newKey("producer", random),
  newKey("reader", random),
  newKey("reader", random),
];
const aKey = (name: string, key: string, more: Partial<KeptKey> = {}): KeptKey => ({
  name,
  role: key.startsWith("rsn_w") ? "producer" : "reader",
  sha256: hashOfKey(key),
  origins: [],
  ...more,
});
const KEYS = new KeyRing([
  aKey("backend", writeKey, { rate: { perSecond: 1, burst: 10 } }),
  aKey("page", pageKey, { origins: [SHOP] }),
  aKey("app", readKey),
  aKey("slow", slowKey, { rate: { perSecond: 1, burst: 2 } }),
]);

const servers: RunningHttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A server on a gateway in memory. */
async function aServer(options: Partial<HttpServerOptions> = {}, more: readonly HttpRoute[] = []) {
  const world = await gatewayWorld();
  await world.serveShards();
  await world.define();
  const server = await serveHttp([...engineRoutes(world.gateway.handlers), ...more], {
    ...{ host: "127.0.0.1", port: 0, keys: () => KEYS, monotonicMs: () => 0, ...options },
  });
  servers.push(server);
  const post = async (path: string, body: unknown, key?: string, headers: Record<string, string> = {}) => {
    const given = body instanceof Uint8Array ? body : JSON.stringify(body);
    const type = { "content-type": "application/json" };
    const shown = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const method = "POST";
    const reply = await fetch(server.url + path, {
      method,
      body: given as string,
      headers: { ...type, ...shown, ...headers },
    });
    const text = await reply.text();
    const value = reply.headers.get("content-type")?.startsWith("application/json")
      ? JSON.parse(text)
      : undefined;
    return { reply, status: reply.status, value, text };
  };
  return { world, server, post };
}

test("events, scores and content are the gateway's own, in JSON and in MessagePack", async () => {
  const { post, server } = await aServer();
  expect(await post("/v1/ingest", anEvent(), writeKey)).toMatchObject({
    status: 200,
    value: { accepted: 1 },
  });
  const several = { events: [anEvent({ id: "e2" }), anEvent({ id: "" })] };
  expect((await post("/v1/ingest", several, writeKey)).value).toMatchObject({
    accepted: 1,
    refused: [{ code: "BAD_ID" }],
  });
  expect((await post("/v1/score", { user: "ada" }, readKey)).value).toMatchObject({
    user: "ada",
    map: "life",
  });
  expect((await post("/v1/score/batch", { users: ["ada", "bob"] }, readKey)).value.answers).toHaveLength(2);
  expect((await post("/v1/score/session", { events: [anEvent()] }, readKey)).value).toMatchObject({
    map: "life",
  });
  expect((await post("/v1/content", { user: "ada" }, readKey)).value).toMatchObject({
    code: "MISSING_FIELD",
  });
  const headers = { authorization: `Bearer ${readKey}`, "content-type": "application/msgpack" };
  const packed = await fetch(`${server.url}/v1/score`, {
    method: "POST",
    headers,
    body: Buffer.from(encode({ user: "ada" })),
  });
  expect(packed.headers.get("content-type")).toBe("application/msgpack");
  expect(decode(new Uint8Array(await packed.arrayBuffer()))).toMatchObject({ user: "ada", map: "life" });
});

test("a key goes as a bearer token or as the name of basic authentication, and only where its role may", async () => {
  const { post } = await aServer();
  const basic = { authorization: `Basic ${btoa(`${writeKey}:`)}` };
  expect((await post("/v1/ingest", anEvent(), undefined, basic)).status).toBe(200);
  for (const path of ["/v1/score", "/v1/score/batch", "/v1/score/session", "/v1/content"])
    expect(await post(path, { user: "ada" }, writeKey)).toMatchObject({
      status: 403,
      value: { code: "FORBIDDEN" },
    });
  expect(await post("/v1/ingest", anEvent(), readKey)).toMatchObject({ status: 403 });
});

test("without a key, and with one that is none, nothing is answered, and no reply shows what was sent", async () => {
  const { post, world } = await aServer();
  const shown = [
    "",
    `Bearer ${writeKey}x`,
    "Bearer",
    "Basic !!!",
    `Basic ${btoa(`:${writeKey}`)}`,
    `Digest ${writeKey}`,
  ];
  for (const authorization of shown) {
    const { status, value, reply, text } = await post("/v1/ingest", anEvent(), undefined, { authorization });
    expect([authorization, status, value.code]).toEqual([authorization, 401, "UNAUTHENTICATED"]);
    expect(reply.headers.get("www-authenticate")).toBe("Bearer");
    expect(text).not.toContain(writeKey);
  }
  expect(world.gateway.counters.requests["ingest"]).toBeUndefined();
});

test("an address that shows one false key after another is not answered any more, true key or not", async () => {
  const { post } = await aServer({ limits: { badKeys: { perSecond: 1, burst: 3 } } });
  for (let i = 0; i < 3; i++) expect((await post("/v1/ingest", anEvent(), `rsn_w_${i}`)).status).toBe(401);
  const { status, value, reply } = await post("/v1/ingest", anEvent(), writeKey);
  expect([status, value.code, reply.headers.get("retry-after")]).toEqual([429, "RATE_LIMITED", "1"]);
});

test("a proxy's word on the sender's address counts only if the proxy is trusted", async () => {
  const limits = { badKeys: { perSecond: 1, burst: 1 } };
  const from = (address: string) => ({ "x-forwarded-for": address });
  const trusting = await aServer({ limits, trustProxy: "127.0.0.1" });
  expect((await trusting.post("/v1/ingest", {}, "x", from("192.0.2.1"))).status).toBe(401);
  expect((await trusting.post("/v1/ingest", {}, "x", from("192.0.2.1"))).status).toBe(429);
  expect((await trusting.post("/v1/ingest", {}, "x", from("192.0.2.2"))).status).toBe(401);
  const wary = await aServer({ limits });
  expect((await wary.post("/v1/ingest", {}, "x", from("192.0.2.1"))).status).toBe(401);
  expect((await wary.post("/v1/ingest", {}, "x", from("192.0.2.2"))).status).toBe(429);
});

test("a key's own rate holds: of a producer in events, of a reader in requests", async () => {
  const { post } = await aServer();
  const events = Array.from({ length: 10 }, (_, i) => anEvent({ id: `r${i}` }));
  expect((await post("/v1/ingest", { events }, writeKey)).status).toBe(200);
  const refused = await post("/v1/ingest", anEvent({ id: "r10" }), writeKey);
  expect([refused.status, refused.value.code, refused.reply.headers.get("retry-after")]).toEqual([
    429,
    "RATE_LIMITED",
    "1",
  ]);
  const statuses = [1, 2, 3].map(async () => (await post("/v1/score", { user: "ada" }, slowKey)).status);
  expect((await Promise.all(statuses)).toSorted()).toEqual([200, 200, 429]);
});

test("pages may use a key where its origins say so, and a browser is told before", async () => {
  const { post, server } = await aServer();
  const preflight = (origin: string) =>
    fetch(`${server.url}/v1/ingest`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
  const allowed = await preflight(SHOP);
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get("access-control-allow-origin")).toBe(SHOP);
  expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
  expect((await preflight("https://evil.example")).headers.has("access-control-allow-origin")).toBe(false);

  const sent = await post("/v1/ingest", anEvent(), pageKey, { origin: SHOP });
  expect([sent.status, sent.reply.headers.get("access-control-allow-origin")]).toEqual([200, SHOP]);
  expect(sent.reply.headers.get("vary")).toBe("origin");
  expect((await post("/v1/ingest", anEvent(), pageKey, { origin: "https://evil.example" })).status).toBe(403);
  expect((await post("/v1/ingest", anEvent(), writeKey, { origin: SHOP })).status).toBe(403); // A server's.
});

test("a body may be compressed, and one that grows beyond the limit is given up before it does", async () => {
  const { post } = await aServer({ limits: { bodyBytesMax: 100_000 } });
  const packed = new TextEncoder().encode(JSON.stringify(anEvent()));
  for (const [encoding, body] of [
    ["gzip", gzipSync(packed)],
    ["deflate", deflateSync(packed)],
  ] as const)
    expect((await post("/v1/ingest", body, writeKey, { "content-encoding": encoding })).value).toMatchObject({
      accepted: 1,
    });
  const announced = new Uint8Array(100_001);
  expect((await post("/v1/ingest", announced, writeKey, { "content-encoding": "gzip" })).status).toBe(413);
  const bomb = gzipSync(new Uint8Array(60_000_000));
  expect(bomb.length).toBeLessThan(100_000); // What it says of itself is within the limit.
  const before = process.memoryUsage().rss;
  const { status, value } = await post("/v1/ingest", bomb, writeKey, { "content-encoding": "gzip" });
  expect([status, value.code]).toEqual([413, "TOO_LARGE"]);
  expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
  expect((await post("/v1/ingest", new Uint8Array(100_001), writeKey)).status).toBe(413);
  const torn = await post("/v1/ingest", gzipSync(packed).subarray(0, 40), writeKey, {
    "content-encoding": "gzip",
  });
  expect([torn.status, torn.value.code]).toEqual([400, "BAD_REQUEST"]);
  const unknown = await post("/v1/ingest", packed, writeKey, { "content-encoding": "br" });
  expect([unknown.status, unknown.value.code]).toEqual([415, "UNSUPPORTED_ENCODING"]);
});

test("each failure has a documented code and a status that fits", async () => {
  const { post, server } = await aServer();
  const sent = [
    await post("/v1/ingest", new TextEncoder().encode("{"), writeKey),
    await post("/v1/ingest", {}, writeKey, { "content-type": "text/html" }),
    await post("/v1/score", { user: "ada", map: "none" }, readKey),
    await post("/v1/nothing", {}, writeKey),
    await post("/v1/ingest/%ff", {}, writeKey),
    await post("/v1/segments/put", { maps: [] }, writeKey),
  ];
  expect(sent.map(({ status, value }) => [status, value.code])).toEqual([
    [400, "MALFORMED_JSON"],
    [415, "UNSUPPORTED_CONTENT_TYPE"],
    [400, "UNKNOWN_MAP"],
    [404, "UNKNOWN_ROUTE"],
    [400, "BAD_REQUEST"],
    [404, "UNKNOWN_ROUTE"],
  ]);
  expect((await fetch(`${server.url}/v1/ingest`)).status).toBe(404);
  for (const { value } of sent) expect(documentedCodes()).toContain(value.code);
});

test("what fails inside is told with its code, and a stranger's text with none of what was thrown", async () => {
  const broken: HttpRoute = {
    method: "POST",
    path: "/v1/broken",
    answer: async () => {
      throw Object.assign(new Error("secret"), { statusCode: 418 });
    },
  };
  const { post } = await aServer({}, [broken]);
  expect(await post("/v1/broken", {})).toMatchObject({ status: 400, value: { code: "BAD_REQUEST" } });
});

test("no more requests are answered at a time than may be, and each that ends makes room", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: HttpRoute = {
    method: "POST",
    path: "/v1/slow",
    answer: async () => {
      await held;
      return { body: new TextEncoder().encode("{}"), contentType: "application/json" };
    },
  };
  const { post, server } = await aServer({ limits: { inFlightMax: 2 } }, [slow]);
  const stopped = new AbortController();
  const gone = fetch(`${server.url}/v1/slow`, { method: "POST", signal: stopped.signal }).catch(() => {});
  const waits = post("/v1/slow", {});
  await expect.poll(async () => (await post("/v1/slow", {}, undefined)).status, { timeout: 5_000 }).toBe(503);
  const refused = await post("/v1/score", { user: "ada" }, readKey);
  expect([refused.status, refused.value.code, refused.reply.headers.get("retry-after")]).toEqual([
    503,
    "OVERLOADED",
    "1",
  ]);
  stopped.abort(); // Who goes away makes room, too.
  await gone;
  await expect.poll(async () => (await post("/v1/score", { user: "ada" }, readKey)).status).toBe(200);
  release();
  expect((await waits).status).toBe(200);
});

test("who sends a byte now and then is cut off, headers or body", async () => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600 };
  const { server } = await aServer({ limits });
  const { port } = new URL(server.url);
  const drip = (head: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1");
      let answered = "";
      socket.write(head);
      const timer = setInterval(() => socket.write("x"), 50);
      socket.on("data", (bytes) => {
        answered += String(bytes);
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        clearInterval(timer);
        resolve(answered);
      });
    });
  const authorization = `authorization: Bearer ${writeKey}`;
  const answers = await Promise.all([
    drip("POST /v1/ingest HTTP/1.1\r\nhost: x\r\nx-slow: "),
    drip(`POST /v1/ingest HTTP/1.1\r\nhost: x\r\n${authorization}\r\ncontent-length: 100000\r\n\r\n`),
    drip("this is not HTTP\r\n\r\n"),
  ]);
  expect(answers[0]).toContain("REQUEST_TIMEOUT");
  expect(answers[1]).toContain("408");
  expect(answers[2]).toContain("BAD_REQUEST");
});

test("a key that is taken back is refused from then on", async () => {
  let keys = KEYS;
  const { post } = await aServer({ keys: () => keys });
  expect((await post("/v1/ingest", anEvent(), pageKey)).status).toBe(200);
  keys = new KeyRing([]);
  expect((await post("/v1/ingest", anEvent(), pageKey)).status).toBe(401);
});
