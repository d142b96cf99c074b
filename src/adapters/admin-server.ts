import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { OperatorTrail } from "../actors/operator-trail.ts";
import { isLoopbackAddress, refuseStranger } from "../gateway/http/admin-access.ts";
import type {
  AdminAnswerRoute,
  AdminRequest,
  AdminRole,
  AdminRoute,
  AdminStreamRoute,
  StaticFiles,
} from "../gateway/http/admin-route.ts";
import { type KeptKey, type KeyRing, keyInHeader } from "../gateway/http/key-ring.ts";
import { rateLimited } from "../gateway/ingest-limits.ts";
import { type Rate, RateLimiter } from "../gateway/rate-limiter.ts";
import { type EventStream, eventStream, HEARTBEAT_MS } from "./event-stream.ts";
import {
  listening,
  overloaded,
  type RunningHttpServer,
  refuse,
  refuseSocket,
  setFailure,
  UNKNOWN_ROUTE,
  unauthenticated,
  wireErrorOf,
} from "./http-server.ts";
import { listenerOptions } from "./listener-server.ts";
import type { WatchedTls } from "./tls-files.ts";

/** Limits of an admin listener, each with its unit. A few people and programs use it, not the world. */
export type AdminLimits = Readonly<{
  bodyBytesMax: number;
  /** Requests answered at a time, beside the streams. */
  inFlightMax: number;
  /** Streams open at a time: each costs the node its share of what is watched. */
  streamsMax: number;
  connectionsMax: number;
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  idleTimeoutMs: number;
  heartbeatMs: number;
  /** How often an address may show a key that is none, and be answered. */
  badKeys: Rate;
}>;

export const DEFAULT_ADMIN_LIMITS: AdminLimits = {
  bodyBytesMax: 262_144,
  inFlightMax: 64,
  streamsMax: 32,
  connectionsMax: 256,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  heartbeatMs: HEARTBEAT_MS,
  badKeys: { perSecond: 1, burst: 20 },
};

export type AdminServerOptions = Readonly<{
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** The keys in force, which may change while the server runs. */
  keys(): KeyRing;
  /** What is served where no route is. */
  files: StaticFiles;
  /** Left out: it speaks plain HTTP. */
  tls?: WatchedTls;
  /** Of a monotonic clock, ms. */
  monotonicMs(): number;
  /** Keeps what operators ask; readers' requests leave no trace. */
  trail?: OperatorTrail;
  limits?: Partial<AdminLimits>;
}>;

/** A connection that nothing happens on, while an answer is made or a stream stands still. */
const SILENCE_MAX_MS = 60_000;
const CHECK_SOCKETS_MS = 500;
/** How long a server that closes waits for answers under way. */
const CLOSE_PATIENCE_MS = 2_000;
/** A file whose name changes with its content is good for ever: a year, as the standard has it. */
const IMMUTABLE = "public, max-age=31536000, immutable";
const NOTHING = new Uint8Array();

/**
 * On every answer: a page takes scripts, styles and data from this server alone, is shown in no frame, and gives nothing away
 * to other sites.
 */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Serves the console and what watches a node. Failures have the body `{code, message, retryable, detail}` that they have over
 * NATS. Nothing is logged of any request but those of operators.
 *
 * @throws EngineError `HTTP_UNAVAILABLE` if the address can't be listened on.
 */
export async function serveAdmin(
  routes: readonly AdminRoute[],
  options: AdminServerOptions,
): Promise<RunningHttpServer> {
  const limits = { ...DEFAULT_ADMIN_LIMITS, ...options.limits };
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    ...listenerOptions(
      { ...limits, silenceMaxMs: SILENCE_MAX_MS, checkEveryMs: CHECK_SOCKETS_MS },
      options.tls,
    ),
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    clientErrorHandler: refuseSocket,
    frameworkErrors: (thrown, _, reply) => void refuse(reply, wireErrorOf(thrown)),
  });
  app.server.maxConnections = limits.connectionsMax;
  const streams = new Set<EventStream>();
  const access = guard(app, options, limits);
  for (const route of routes) {
    const { method, path, role } = route;
    app.route({
      method,
      url: path,
      config: { role },
      handler:
        "answer" in route
          ? (request, reply) => answerWith(route, request, reply, access)
          : (request, reply) => streamTo(route, requestOf(request, access), reply, { streams, limits }),
    });
  }
  app.setNotFoundHandler((request, reply) => serveFile(options.files, request, reply));
  const server = await listening(app, options, CLOSE_PATIENCE_MS);
  return {
    url: server.url,
    close() {
      for (const stream of streams) stream.end();
      return server.close();
    },
  };
}

type Access = Readonly<{
  /** The keys that were shown. */
  keys: WeakMap<FastifyRequest, KeptKey>;
  /** Keeps a request in the trail if it is an operator's. @param code - Of the failure that it is answered with. */
  keep(request: FastifyRequest, code: string | undefined): void;
}>;

/** Adds all that stands in front of the routes. */
function guard(app: FastifyInstance, options: AdminServerOptions, limits: AdminLimits): Access {
  const keys: Access["keys"] = new WeakMap();
  const admitted = new WeakSet<FastifyRequest>();
  const badKeys = new RateLimiter();
  const isLocal = isLoopbackAddress(options.host);
  let inFlight = 0;

  /** @throws EngineError `UNAUTHENTICATED`, `RATE_LIMITED`. */
  const keyOf = (request: FastifyRequest): KeptKey | undefined => {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    const nowMs = options.monotonicMs();
    const waitMs = badKeys.waitMs(request.ip, limits.badKeys, 1, nowMs);
    if (waitMs > 0) throw rateLimited("address", waitMs);
    const key = options.keys().find(keyInHeader(authorization) ?? "");
    if (key !== undefined) return key;
    badKeys.take(request.ip, limits.badKeys, 1, nowMs);
    throw unauthenticated("the key is none of this deployment, or was taken back");
  };

  const keep: Access["keep"] = (request, code) => {
    if (roleOf(request) !== "operator") return;
    const endpoint = `${request.method} ${request.routeOptions.url}`; // The pattern: values may be ids.
    const by = keys.get(request)?.name;
    options.trail?.tell({ endpoint, via: "console", by, isServed: admitted.has(request), code });
  };

  app.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    if (inFlight >= limits.inFlightMax) throw overloaded(limits.inFlightMax);
    const role = roleOf(request);
    if (role !== "anyone") {
      const key = keyOf(request);
      if (key !== undefined) keys.set(request, key);
      const { host, origin } = request.headers;
      const fetchSite = request.headers["sec-fetch-site"];
      const site = typeof fetchSite === "string" ? fetchSite : undefined;
      const isTls = options.tls !== undefined;
      refuseStranger(role, { key, isLocal, isTls, host, origin, fetchSite: site });
    }
    admitted.add(request);
    inFlight++;
    const answered = (): void => void inFlight--;
    reply.raw.once("close", answered);
    // A stream stays: it is bounded by itself.
    reply.raw.once(STREAMING, () => {
      reply.raw.off("close", answered);
      answered();
    });
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
  app.setErrorHandler((thrown, request, reply) => {
    if (!request.raw.complete) reply.header("connection", "close"); // What is still to come is not wanted.
    const error = wireErrorOf(thrown);
    keep(request, error.code);
    return refuse(reply, error);
  });
  return { keys, keep };
}

/** Who may ask the route that a request has found. */
function roleOf(request: FastifyRequest): AdminRole {
  return (request.routeOptions.config as { role?: AdminRole }).role ?? "anyone";
}

/** Told of a response that has become a stream. */
const STREAMING = "streaming";

function requestOf(request: FastifyRequest, { keys }: Access): AdminRequest {
  return {
    params: request.params as Record<string, string>,
    query: Object.fromEntries(new URL(request.url, "http://localhost").searchParams),
    body: request.body instanceof Uint8Array ? request.body : NOTHING,
    contentType: request.headers["content-type"] ?? "",
    keyName: keys.get(request)?.name,
  };
}

async function answerWith(
  route: AdminAnswerRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  access: Access,
): Promise<FastifyReply> {
  const { body, contentType, error } = await route.answer(requestOf(request, access));
  access.keep(request, error?.code); // Now: whoever asked may have gone, and what was done is done.
  if (error !== undefined) setFailure(reply, error);
  return reply.header("content-type", contentType).send(asBuffer(body));
}

async function streamTo(
  route: AdminStreamRoute,
  request: AdminRequest,
  reply: FastifyReply,
  { streams, limits }: Readonly<{ streams: Set<EventStream>; limits: AdminLimits }>,
): Promise<void> {
  if (streams.size >= limits.streamsMax) throw overloaded(limits.streamsMax);
  reply.hijack();
  reply.raw.emit(STREAMING);
  const stream = eventStream(reply.raw, HEADERS, limits.heartbeatMs);
  streams.add(stream);
  stream.ended.addEventListener("abort", () => streams.delete(stream));
  try {
    await route.stream(request, stream);
  } catch (thrown) {
    stream.send("failed", wireErrorOf(thrown));
  } finally {
    stream.end();
  }
}

async function serveFile(
  files: StaticFiles,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const [path = "/"] = request.url.split("?", 1);
  const file = request.method === "GET" ? await files(path) : undefined;
  if (file === undefined) return refuse(reply, UNKNOWN_ROUTE);
  reply.header("etag", file.etag).header("cache-control", file.isImmutable ? IMMUTABLE : "no-cache");
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  return reply.header("content-type", file.contentType).send(asBuffer(file.body));
}

/** As bytes of Node's own class, which the framework sends as they are. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
