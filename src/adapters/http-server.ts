import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Producer } from "../actors/bus.ts";
import type { HttpRole, HttpRoute } from "../gateway/http/http-route.ts";
import { httpStatusOf, retryAfterSeconds } from "../gateway/http/http-status.ts";
import { type KeptKey, type KeyRing, keyInHeader, mayBeUsedBy } from "../gateway/http/key-ring.ts";
import { rateLimited } from "../gateway/ingest-limits.ts";
import { type Rate, RateLimiter } from "../gateway/rate-limiter.ts";
import { EngineError, toWireError, type WireError } from "../kernel/engine-error.ts";
import { inflated } from "./http-inflate.ts";
import { listenerOptions } from "./listener-server.ts";
import type { WatchedTls } from "./tls-files.ts";

/** Limits of an HTTP server, each with its unit. */
export type HttpLimits = Readonly<{
  /** Of a body, as it is and inflated. With what is in flight it bounds the memory that senders can take. */
  bodyBytesMax: number;
  /** Requests being received or answered at a time; more are refused at once. */
  inFlightMax: number;
  connectionsMax: number;
  /** Patience with the headers of a request, and with all of it: whoever sends a byte a second is cut off. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  /** How long a connection may lie idle between two requests. */
  idleTimeoutMs: number;
  /** How often an address may show a key that is none, and be answered. */
  badKeys: Rate;
}>;

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 1_048_576,
  inFlightMax: 256,
  connectionsMax: 4_096,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  badKeys: { perSecond: 1, burst: 20 },
};

export type HttpServerOptions = Readonly<{
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** The keys in force, which may change while the server runs. */
  keys(): KeyRing;
  /**
   * Proxies whose word on a sender's address is taken, as addresses or networks with commas between; left out: none, and
   * the address is the connection's own.
   */
  trustProxy?: string;
  /** Left out: it speaks plain HTTP. */
  tls?: WatchedTls;
  /** Of a monotonic clock, ms. */
  monotonicMs(): number;
  /** Whether the node is about to end: clients are then asked to connect anew, elsewhere. */
  isStopping?(): boolean;
  limits?: Partial<HttpLimits>;
}>;

/** A server that answers. */
export type RunningHttpServer = Readonly<{ url: string; close(): Promise<void> }>;

/** How often sockets are looked at whose time is over. */
const CHECK_SOCKETS_MS = 500;
/** A connection that nothing at all happens on, while an answer is made. Longer than any answer takes. */
const SILENCE_MAX_MS = 60_000;
/** How long a server that closes waits for answers under way. */
const CLOSE_PATIENCE_MS = 5_000;
const PREFLIGHT_SECONDS = 600;
/** The last one is how clients of Segment's API tell which try it is. */
const ALLOWED_HEADERS = "authorization, content-type, content-encoding, x-retry-count";

/** What was learnt of a request on its way. */
type Known = { key: KeptKey; producer: Producer };

/**
 * Serves routes over HTTP. A request meets, in this order: the limit of requests in flight, its key, its key's origins and
 * role, a reader's rate, the body's limits, the route; where the key is in the body, the body's limits come first. All
 * failures have the body `{code, message, retryable, detail}` that they have over NATS, and never show what was sent. Nothing is logged of any request.
 *
 * @throws EngineError `HTTP_UNAVAILABLE` if the address can't be listened on.
 */
export async function serveHttp(
  routes: readonly HttpRoute[],
  options: HttpServerOptions,
): Promise<RunningHttpServer> {
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    ...listenerOptions(
      { ...limits, silenceMaxMs: SILENCE_MAX_MS, checkEveryMs: CHECK_SOCKETS_MS },
      options.tls,
    ),
    forceCloseConnections: "idle",
    trustProxy: options.trustProxy ?? false,
    exposeHeadRoutes: false,
    clientErrorHandler: refuseSocket,
    // Framework errors of routes are ours, too: a path may hold what must not be repeated.
    frameworkErrors: (thrown, _, reply) => void refuse(reply, wireErrorOf(thrown)),
  });
  app.server.maxConnections = limits.connectionsMax;
  guard(app, options, limits);
  mountRoutes(app, routes);
  return listening(app, options, CLOSE_PATIENCE_MS);
}

/**
 * Lets a server listen.
 *
 * @param patienceMs - How long it waits for answers under way once it closes.
 * @throws EngineError `HTTP_UNAVAILABLE` if the address can't be listened on.
 */
export async function listening(
  app: FastifyInstance,
  address: Readonly<{ host: string; port: number; tls?: unknown }>,
  patienceMs: number,
): Promise<RunningHttpServer> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (cause) {
    await app.close();
    const message = `can't listen on ${address.host}:${address.port}: ${String(cause)}`;
    throw new EngineError({ code: "HTTP_UNAVAILABLE", message, retryable: false, cause });
  }
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return {
    url: `${address.tls === undefined ? "http" : "https"}://${host}:${port}`,
    async close() {
      const cut = setTimeout(() => app.server.closeAllConnections(), patienceMs);
      await app.close();
      clearTimeout(cut);
    },
  };
}

const known = new WeakMap<FastifyRequest, Known>();

/** Makes routes answer. More of them may be mounted, before the server listens. */
function mountRoutes(app: FastifyInstance, routes: readonly HttpRoute[]): void {
  for (const route of routes) {
    const { method, path, role, keyIn, answer } = route;
    app.route({
      method,
      url: path,
      config: { role, keyIn } satisfies RouteGuard,
      handler: async (request, reply) => {
        const { headers, params, protocol, host } = request;
        const answered = await answer({
          body: bodyOf(request),
          contentType: headers["content-type"] ?? "",
          producer: known.get(request)?.producer,
          params: params as Readonly<Record<string, string>>,
          baseUrl: `${protocol}://${host}`,
          header: (name) => {
            const value = headers[name];
            return typeof value === "string" ? value : undefined;
          },
        });
        if (answered.error !== undefined) setFailure(reply, answered.error);
        else if (answered.status !== undefined) reply.code(answered.status);
        if (answered.headers !== undefined) reply.headers(answered.headers);
        // As bytes of Node's own class, which the framework sends as they are.
        const { buffer, byteOffset, byteLength } = answered.body;
        return reply
          .header("content-type", answered.contentType)
          .send(Buffer.from(buffer, byteOffset, byteLength));
      },
    });
  }
}

const NOTHING = new Uint8Array();

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : NOTHING;
}

/** What stands in front of a route. */
type RouteGuard = Readonly<{ role: HttpRoute["role"]; keyIn: HttpRoute["keyIn"] }>;

/** Adds all that stands in front of the routes. */
function guard(app: FastifyInstance, options: HttpServerOptions, limits: HttpLimits): void {
  const badKeys = new RateLimiter();
  const readers = new RateLimiter();
  let inFlight = 0;

  app.addHook("onRequest", async (request, reply) => {
    reply.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
    if (options.isStopping?.() === true) reply.header("connection", "close");
    const { origin } = request.headers;
    if (origin !== undefined && options.keys().allowsOrigin(origin)) allowOrigin(reply, origin);
    if (inFlight >= limits.inFlightMax) throw overloaded(limits.inFlightMax);
    inFlight++;
    reply.raw.once("close", () => inFlight--); // The one event that comes whichever way it ends.
    const { role, keyIn } = request.routeOptions.config as Partial<RouteGuard>;
    if (request.method === "OPTIONS" || role === undefined) return;
    const isInBody = keyIn !== undefined && request.headers.authorization === undefined;
    if (!isInBody) admit(request, role, keyInHeader(request.headers.authorization));
  });

  // A key that a body shows can be looked at once that is there; until then it has cost no more than its limit of bytes.
  app.addHook("preHandler", async (request) => {
    const { role, keyIn } = request.routeOptions.config as Partial<RouteGuard>;
    if (role === undefined || keyIn === undefined || known.has(request)) return;
    admit(request, role, keyIn(bodyOf(request)));
  });

  /** Lets a request in by its key. @throws EngineError `UNAUTHENTICATED`, `FORBIDDEN`, `RATE_LIMITED`. */
  const admit = (request: FastifyRequest, role: HttpRole, shown: string | undefined): void => {
    const nowMs = options.monotonicMs();
    const key = keyOf(request, shown, nowMs);
    const { origin } = request.headers;
    if (key.role !== role) throw forbidden(`the key is a ${key.role}'s, and this is for a ${role}`);
    if (origin !== undefined && !mayBeUsedBy(key, origin))
      throw forbidden("pages of this origin may not use the key");
    if (role === "reader" && key.rate !== undefined) {
      const waitMs = readers.waitMs(key.name, key.rate, 1, nowMs);
      if (waitMs > 0) throw rateLimited("reader", waitMs);
      readers.take(key.name, key.rate, 1, nowMs);
    }
    const named = { name: `http ${key.name}` };
    known.set(request, { key, producer: key.rate === undefined ? named : { ...named, rate: key.rate } });
  };

  const keyOf = (request: FastifyRequest, shown: string | undefined, nowMs: number): KeptKey => {
    if (shown === undefined) throw unauthenticated("show a key: `Authorization: Bearer KEY`");
    const waitMs = badKeys.waitMs(request.ip, limits.badKeys, 1, nowMs);
    if (waitMs > 0) throw rateLimited("address", waitMs);
    const key = options.keys().find(shown);
    if (key !== undefined) return key;
    badKeys.take(request.ip, limits.badKeys, 1, nowMs);
    throw unauthenticated("the key is none of this deployment, or was taken back");
  };

  app.addHook("preParsing", async (request, reply, payload) => inflated(request, reply, payload));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));

  // A browser asks first whether it may; which key it will show is not known by then.
  app.options("/*", async (_, reply) => {
    if (reply.hasHeader("access-control-allow-origin"))
      reply
        .header("access-control-allow-methods", "GET, POST")
        .header("access-control-allow-headers", ALLOWED_HEADERS)
        .header("access-control-max-age", PREFLIGHT_SECONDS);
    return reply.code(204).send();
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, UNKNOWN_ROUTE));
  app.setErrorHandler((thrown, request, reply) => {
    if (!request.raw.complete) reply.header("connection", "close"); // What is still to come is not wanted.
    return refuse(reply, wireErrorOf(thrown));
  });
}

function allowOrigin(reply: FastifyReply, origin: string): void {
  reply
    .header("access-control-allow-origin", origin)
    .header("access-control-expose-headers", "retry-after")
    .header("vary", "origin");
}

/** Sets the status of a failure, and when to come again. */
export function setFailure(reply: FastifyReply, error: WireError): void {
  const seconds = retryAfterSeconds(error);
  if (seconds !== undefined) reply.header("retry-after", seconds);
  if (error.code === "UNAUTHENTICATED") reply.header("www-authenticate", "Bearer");
  reply.code(httpStatusOf(error));
}

/** Answers with a failure. */
export function refuse(reply: FastifyReply, error: WireError): FastifyReply {
  setFailure(reply, error);
  return reply.header("content-type", "application/json").send(JSON.stringify(error));
}

/** Nothing is served there. */
export const UNKNOWN_ROUTE: WireError = {
  code: "UNKNOWN_ROUTE",
  message: "nothing is served there: docs/http.md lists what is",
  retryable: false,
};

/** What the framework throws, in our words: its messages may repeat what was sent. */
export function wireErrorOf(thrown: unknown): WireError {
  if (thrown instanceof EngineError) return thrown.toWire();
  const { statusCode = 500 } = thrown as { statusCode?: number };
  if (statusCode === 413)
    return { code: "TOO_LARGE", message: "the body has too many bytes: split it", retryable: false };
  if (statusCode >= 500) return toWireError(thrown);
  return { code: "BAD_REQUEST", message: "the request is not as HTTP has it", retryable: false };
}

/** Answers what is not HTTP, or did not come in time, and closes the connection. */
export function refuseSocket(error: Error & { code?: string }, socket: import("node:net").Socket): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const isLate = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const wire: WireError = isLate
    ? { code: "REQUEST_TIMEOUT", message: "the request took too long to come", retryable: true }
    : { code: "BAD_REQUEST", message: "the request is not as HTTP has it", retryable: false };
  const body = JSON.stringify(wire);
  const status = isLate ? "408 Request Timeout" : "400 Bad Request";
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}

/** No key, or one that is none. */
export function unauthenticated(message: string): EngineError<"UNAUTHENTICATED"> {
  return new EngineError({ code: "UNAUTHENTICATED", message, retryable: false });
}

/** A key that may not. */
export function forbidden(message: string): EngineError<"FORBIDDEN"> {
  return new EngineError({ code: "FORBIDDEN", message, retryable: false });
}

/** More at a time than is taken. */
export function overloaded(inFlightMax: number): EngineError<"OVERLOADED"> {
  const message = `${inFlightMax} requests are being answered already: try again a little later`;
  const detail = { inFlightMax, retryAfterMs: 1_000 };
  return new EngineError({ code: "OVERLOADED", message, retryable: true, detail });
}
