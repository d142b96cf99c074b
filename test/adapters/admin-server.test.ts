import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { OperatorRequest } from "../../src/actors/operator-trail.ts";
import { type AdminServerOptions, serveAdmin } from "../../src/adapters/admin-server.ts";
import type { RunningHttpServer } from "../../src/adapters/http-server.ts";
import { staticFolder } from "../../src/adapters/static-folder.ts";
import { type AdminRoute, type EventFeed, jsonReply } from "../../src/gateway/http/admin-route.ts";
import { hashOfKey, type KeptKey, KeyRing, newKey } from "../../src/gateway/http/key-ring.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";

const key = newKey("operator", (bytes) => new Uint8Array(bytes).fill(7));
const OPS: KeptKey = { name: "ops", role: "operator", sha256: hashOfKey(key), origins: [] };
const readerKey = newKey("reader", (bytes) => new Uint8Array(bytes).fill(8));
const READER: KeptKey = { name: "app", role: "reader", sha256: hashOfKey(readerKey), origins: [] };
const AS_READER = { authorization: `Bearer ${readerKey}` };
const AS_OPERATOR = { authorization: `Bearer ${key}` };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function aServer(
  routes: readonly AdminRoute[],
  options: Partial<AdminServerOptions> = {},
): Promise<RunningHttpServer> {
  const server = await serveAdmin(routes, {
    ...{ host: "127.0.0.1", port: 0, keys: () => new KeyRing([OPS]), monotonicMs: () => 0 },
    files: async () => undefined,
    ...options,
  });
  closers.push(() => server.close());
  return server;
}

const ECHO: AdminRoute = {
  method: "POST",
  path: "/console/v1/letters/:id/retry",
  role: "operator",
  async answer({ params, query, body, contentType, keyName }) {
    const text = new TextDecoder().decode(body);
    return jsonReply({ params, query, text, contentType, keyName });
  },
};
/** A stream that is given to the test. */
const streamOf = (begun: (feed: EventFeed) => void): AdminRoute => ({
  method: "GET",
  path: "/console/v1/live",
  role: "reader",
  async stream(_, feed) {
    begun(feed);
    if (!feed.ended.aborted) await once(feed.ended, "abort");
  },
});

test("a route is given its parameters, queries and body, and who acts", async () => {
  const server = await aServer([ECHO]);
  const reply = await fetch(`${server.url}/console/v1/letters/a%2Fb/retry?map=life&top=3&top=4`, {
    method: "POST",
    body: '{"x":1}',
    headers: { ...AS_OPERATOR, "content-type": "application/json" },
  });
  expect(await reply.json()).toEqual({
    params: { id: "a/b" },
    query: { map: "life", top: "4" },
    text: '{"x":1}',
    contentType: "application/json",
    keyName: "ops",
  });
});

test("who may not is refused before the route hears of it, and false keys are counted", async () => {
  const badKeys = { perSecond: 1, burst: 2 };
  const server = await aServer([ECHO], { limits: { badKeys } });
  const post = (headers: Record<string, string>) =>
    fetch(`${server.url}/console/v1/letters/a/retry`, { method: "POST", headers });
  expect((await post({})).status).toBe(401);
  expect((await post({ ...AS_OPERATOR, origin: "https://evil.example" })).status).toBe(403);
  expect((await post({ ...AS_OPERATOR, origin: server.url })).status).toBe(200);
  const bad = [];
  for (let i = 0; i < 3; i++) bad.push((await post({ authorization: `Bearer ${key}x` })).status);
  expect(bad).toEqual([401, 401, 429]);
});

test("what is asked of operators' routes is kept with whose key was shown, and by the route's pattern", async () => {
  const kept: OperatorRequest[] = [];
  const trail = { keeps: () => true, tell: (request: OperatorRequest) => void kept.push(request) };
  const failing: AdminRoute = {
    ...{ method: "GET", path: "/console/v1/letters/:id", role: "operator" },
    answer: async () => {
      throw new EngineError({ code: "UNKNOWN_LETTER", message: "there is none", retryable: false });
    },
  };
  const looking: AdminRoute = {
    ...failing,
    path: "/looks",
    role: "reader",
    answer: async () => jsonReply({}),
  };
  const keys = () => new KeyRing([OPS, READER]);
  const server = await aServer([ECHO, failing, looking], { trail, keys });
  const ask = (path: string, method: string, headers: Record<string, string>) =>
    fetch(server.url + path, { method, headers, ...(method === "POST" ? { body: "ada" } : {}) });
  await ask("/console/v1/letters/ada/retry", "POST", AS_OPERATOR);
  await ask("/console/v1/letters/ada", "GET", AS_OPERATOR);
  await ask("/console/v1/letters/ada/retry", "POST", AS_READER);
  await ask("/console/v1/letters/ada/retry", "POST", {});
  await ask("/console/v1/letters/ada/retry", "POST", { authorization: `Bearer ${key}x` });
  await ask("/looks", "GET", AS_OPERATOR);
  await ask("/nothing/ada", "GET", AS_OPERATOR);
  const retry = { endpoint: "POST /console/v1/letters/:id/retry", via: "console" };
  expect(kept).toEqual([
    { ...retry, by: "ops", isServed: true, code: undefined },
    { ...retry, endpoint: "GET /console/v1/letters/:id", by: "ops", isServed: true, code: "UNKNOWN_LETTER" },
    { ...retry, by: "app", isServed: false, code: "FORBIDDEN" },
    { ...retry, by: undefined, isServed: false, code: "UNAUTHENTICATED" },
    { ...retry, by: undefined, isServed: false, code: "UNAUTHENTICATED" },
  ]);
});

test("what an operator did is kept although they have hung up before the answer", async () => {
  const kept: OperatorRequest[] = [];
  const trail = { keeps: () => true, tell: (request: OperatorRequest) => void kept.push(request) };
  const begun = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const slow: AdminRoute = {
    ...{ method: "POST", path: "/slow", role: "operator" },
    async answer() {
      begun.resolve();
      await going.promise;
      return jsonReply({});
    },
  };
  const server = await aServer([slow], { trail });
  const hangUp = new AbortController();
  const asked = fetch(`${server.url}/slow`, { method: "POST", headers: AS_OPERATOR, signal: hangUp.signal });
  await begun.promise;
  hangUp.abort();
  await expect(asked).rejects.toThrow();
  going.resolve();
  await expect.poll(() => kept).toMatchObject([{ endpoint: "POST /slow", by: "ops", code: undefined }]);
});

test("failures are told as over NATS, and every answer forbids what a page must not do", async () => {
  const failing: AdminRoute = {
    method: "GET",
    path: "/fails",
    role: "reader",
    answer: async () => {
      throw new EngineError({ code: "TIMEOUT", message: "too late", retryable: true });
    },
  };
  const server = await aServer([failing]);
  const reply = await fetch(`${server.url}/fails`);
  expect(reply.status).toBe(504);
  expect(await reply.json()).toMatchObject({ code: "TIMEOUT", message: "too late", retryable: true });
  for (const path of ["/fails", "/nothing"]) {
    const { headers } = await fetch(server.url + path);
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
});

test("a stream sends events, and a line now and then that says nothing", async () => {
  const server = await aServer([streamOf((feed) => feed.send("frame", { text: "a\nb" }))], {
    limits: { heartbeatMs: 20 },
  });
  const reply = await fetch(`${server.url}/console/v1/live`);
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  expect(reply.headers.get("content-security-policy")).toContain("default-src 'self'");
  const text = await readUntil(reply, ":\n\n");
  expect(text).toContain('event: frame\ndata: {"text":"a\\nb"}\n\n');
});

test("a reader that stands still is sent no more than its socket holds, and the next frame once it goes on", async () => {
  let feed: EventFeed | undefined;
  const begun = (given: EventFeed): void => {
    feed = given;
  };
  const server = await aServer([streamOf(begun)]);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("GET /console/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await once(socket, "readable"); // And nothing is read of it.
  const frame = "x".repeat(1_000_000);
  let sent = 0;
  while (feed?.send("frame", frame) === true) {
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent).toBeLessThan(50);
  expect(feed?.send("frame", frame)).toBe(false);
  socket.resume();
  await expect.poll(() => feed?.send("frame", "again")).toBe(true);
  socket.destroy();
  await expect.poll(() => feed?.ended.aborted).toBe(true);
  expect(feed?.send("frame", "nobody")).toBe(false);
});

test("there are so many streams at a time, and they end with the server", async () => {
  const feeds: EventFeed[] = [];
  const server = await aServer([streamOf((feed) => feeds.push(feed))], {
    limits: { streamsMax: 2, inFlightMax: 1 },
  });
  const readers = [
    await fetch(`${server.url}/console/v1/live`),
    await fetch(`${server.url}/console/v1/live`),
  ];
  const third = await fetch(`${server.url}/console/v1/live`);
  expect(third.status).toBe(503);
  expect(await third.json()).toMatchObject({ code: "OVERLOADED", retryable: true });
  await closers.pop()?.();
  for (const reader of readers) await reader.text(); // It ends, and is not torn.
  expect(feeds.map(({ ended }) => ended.aborted)).toEqual([true, true]);
});

test("a stream that fails says why, and ends", async () => {
  const failing: AdminRoute = {
    ...{ method: "GET", path: "/live", role: "reader" },
    stream: async () => {
      throw new EngineError({ code: "UNKNOWN_MAP", message: "no such map", retryable: false });
    },
  };
  const server = await aServer([failing]);
  expect(await (await fetch(`${server.url}/live`)).text()).toContain(
    'event: failed\ndata: {"code":"UNKNOWN_MAP"',
  );
});

test("the page's files have tags, and those whose names change with them are kept for good", async () => {
  const folder = await mkdtemp(join(tmpdir(), "resonance-page-"));
  closers.push(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html>");
  await writeFile(join(folder, "assets", "index-abc.js"), "let x;");
  await writeFile(join(folder, ".secret.js"), "hidden");
  const server = await aServer([], { files: staticFolder(folder) });
  const page = await fetch(`${server.url}/?x=1`);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(await page.text()).toBe("<!doctype html>");
  const etag = page.headers.get("etag") ?? "";
  const again = await fetch(server.url, { headers: { "if-none-match": etag } });
  expect(again.status).toBe(304);
  const script = await fetch(`${server.url}/assets/index-abc.js`);
  expect(script.headers.get("cache-control")).toContain("immutable");
  expect(await script.text()).toBe("let x;");
  for (const path of [
    "/.secret.js",
    "/assets/../.secret.js",
    "/..%2f.secret.js",
    "/assets/none.js",
    "//etc/passwd",
  ])
    expect((await fetch(server.url + path)).status).toBe(404);
});

async function readUntil(reply: Response, end: string): Promise<string> {
  let text = "";
  for await (const chunk of reply.body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (text.includes(end)) break;
  }
  return text;
}
