import { watchKeys } from "./adapters/http-keys.ts";
import { type RunningHttpServer, serveHttp } from "./adapters/http-server.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { type TlsFiles, type WatchedTls, watchTls } from "./adapters/tls-files.ts";
import { isLoopbackAddress } from "./gateway/http/admin-access.ts";
import type { HttpRoute } from "./gateway/http/http-route.ts";
import type { Report } from "./kernel/report.ts";
import type { NodeOptions } from "./node-options.ts";

/** Of a listener that speaks plain HTTP beyond its machine. */
const PLAIN = { http: { event: "http.plain" }, admin: { event: "admin.plain" } } as const;

/**
 * Takes requests over HTTP, if a gateway is to.
 *
 * @throws EngineError `HTTP_UNAVAILABLE`, `NO_HTTP_KEYS`, `BAD_KEYS_FILE`, `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function startHttp(
  { http, roles }: Pick<NodeOptions, "http" | "roles">,
  {
    routes,
    isStopping,
    report,
  }: Readonly<{ routes: readonly HttpRoute[]; isStopping(): boolean; report: Report }>,
): Promise<RunningHttpServer | undefined> {
  if (http === undefined || !roles.includes("gateway")) return undefined;
  const { host, port, keysFile, trustProxy } = http;
  const tls = await tlsOf("http", http, report);
  const keys = await watchKeys(keysFile, report).catch((thrown) => {
    tls?.close();
    throw thrown;
  });
  const server = await serveHttp(routes, {
    ...{ host, port, keys: keys.now, monotonicMs: systemClock.monotonicMs },
    isStopping,
    ...(trustProxy === undefined ? {} : { trustProxy }),
    ...(tls === undefined ? {} : { tls }),
  });
  return {
    url: server.url,
    async close() {
      tls?.close();
      keys.close();
      await server.close();
    },
  };
}

/**
 * The certificate of a listener, if it has one. Of one that others reach, and that has none, it is told once that what it speaks
 * can be read on the way, unless a proxy in front of it ends TLS.
 *
 * @param option - Of the command line: what the others of the listener begin with.
 * @throws EngineError `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function tlsOf(
  option: "http" | "admin",
  { host, tls }: Readonly<{ host: string; tls?: TlsFiles }>,
  report: Report,
): Promise<WatchedTls | undefined> {
  if (tls !== undefined) return watchTls(tls, report, systemClock.nowMs);
  if (!isLoopbackAddress(host))
    report(
      `--${option} listens on ${host} without TLS: keys and personal data can be read on the way. Give it a certificate (--${option}-tls-cert, --${option}-tls-key), or let a proxy in front of it end TLS`,
      { ...PLAIN[option], level: "warn", code: "HTTP_WITHOUT_TLS" },
    );
  return undefined;
}
