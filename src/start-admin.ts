import type { OperatorTrail } from "./actors/operator-trail.ts";
import { serveAdmin } from "./adapters/admin-server.ts";
import { consolePage } from "./adapters/console-page.ts";
import type { RunningHttpServer } from "./adapters/http-server.ts";
import { isLoopbackAddress } from "./gateway/http/admin-access.ts";
import type { AdminRoute } from "./gateway/http/admin-route.ts";
import type { Report } from "./kernel/report.ts";
import type { NodeOptions } from "./node-options.ts";
import { startListener } from "./start-listener.ts";

/**
 * Starts the admin listener, if there is to be one.
 *
 * @param routes - What it answers, beside the console's page.
 * Without keys, on an address that is not this machine's alone, it answers what is for anybody, such as probes and metrics: nobody can
 * show a key for the rest.
 *
 * @throws EngineError `HTTP_UNAVAILABLE`, `BAD_KEYS_FILE`, `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function startAdmin(
  { admin }: Pick<NodeOptions, "admin">,
  routes: readonly AdminRoute[],
  { report, trail }: Readonly<{ report: Report; trail: OperatorTrail }>,
): Promise<RunningHttpServer | undefined> {
  if (admin === undefined) return undefined;
  const { host, keysFile } = admin;
  return startListener("admin", admin, report, (parts) => {
    if (parts.keys().size === 0 && !isLoopbackAddress(host))
      report(
        `the console is closed, since nobody has a key: resonance auth key new --role reader --keys ${keysFile}`,
        { event: "console.closed", level: "warn" },
      );
    return serveAdmin(routes, { ...parts, files: consolePage(report), trail });
  });
}
