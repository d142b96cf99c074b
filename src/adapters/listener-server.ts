import type { Server } from "node:http";
import { createServer } from "node:https";
import type { FastifyServerFactory } from "fastify";
import type { WatchedTls } from "./tls-files.ts";

/** How long a connection may take, or lie still, in ms. */
export type ListenerTimes = Readonly<{
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  idleTimeoutMs: number;
  /** Nothing at all happens on it. */
  silenceMaxMs: number;
  /** How often connections are looked at. */
  checkEveryMs: number;
}>;

const MIN_VERSION = "TLSv1.2";

/** What a framework makes its server by: plain HTTP, or HTTPS with a certificate that may be renewed while it runs. */
export type ListenerOptions = Readonly<{
  requestTimeout: number;
  keepAliveTimeout: number;
  connectionTimeout: number;
  http: Readonly<{ headersTimeout: number; connectionsCheckingInterval: number }>;
  serverFactory?: FastifyServerFactory;
}>;

/** The options of a server that holds these times. @param tls - Left out: it speaks plain HTTP. */
export function listenerOptions(times: ListenerTimes, tls: WatchedTls | undefined): ListenerOptions {
  const { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, silenceMaxMs, checkEveryMs } = times;
  const http = { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: checkEveryMs };
  return {
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionTimeout: silenceMaxMs,
    http,
    ...(tls === undefined ? {} : { serverFactory: (handler) => secureServer(handler, times, tls) }),
  };
}

function secureServer(
  handler: Parameters<FastifyServerFactory>[0],
  times: ListenerTimes,
  tls: WatchedTls,
): Server {
  const server = createServer(
    {
      ...tls.now(),
      minVersion: MIN_VERSION,
      handshakeTimeout: times.headersTimeoutMs, // Whoever only connects is cut off as whoever sends no headers.
      headersTimeout: times.headersTimeoutMs,
      connectionsCheckingInterval: times.checkEveryMs,
    },
    handler,
  );
  server.requestTimeout = times.requestTimeoutMs;
  server.keepAliveTimeout = times.idleTimeoutMs;
  server.setTimeout(times.silenceMaxMs);
  // Nobody can be answered on a connection whose handshake failed, or never came.
  server.prependListener("tlsClientError", (_, socket) => socket.destroy());
  // Connections go on with what they began with; new ones meet the new certificate.
  tls.changed((pair) => server.setSecureContext({ ...pair, minVersion: MIN_VERSION }));
  return server;
}
