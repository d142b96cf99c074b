import { type RunningHttpServer, serveHttp } from "./adapters/http-server.ts";
import type { HttpRoute } from "./gateway/http/http-route.ts";
import type { Report } from "./kernel/report.ts";
import type { NodeOptions } from "./node-options.ts";
import { startListener } from "./start-listener.ts";

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
  const { trustProxy } = http;
  return startListener("http", http, report, (parts) =>
    serveHttp(routes, { ...parts, isStopping, ...(trustProxy === undefined ? {} : { trustProxy }) }),
  );
}
