import { serveAdmin } from "../../src/adapters/admin-server.ts";
import { consolePage } from "../../src/adapters/console-page.ts";
import type { RunningHttpServer } from "../../src/adapters/http-server.ts";
import { consoleRoutes } from "../../src/console/console-routes.ts";
import type { AdminRoute } from "../../src/gateway/http/admin-route.ts";
import { hashOfKey, KeyRing, newKey } from "../../src/gateway/http/key-ring.ts";

const random = (fill: number) => (bytes: number) => new Uint8Array(bytes).fill(fill);
export const OPERATOR_KEY = newKey("operator", random(1));
export const READER_KEY = newKey("reader", random(2));

const KEYS = new KeyRing([
  { name: "ops", role: "operator", sha256: hashOfKey(OPERATOR_KEY), origins: [] },
  { name: "app", role: "reader", sha256: hashOfKey(READER_KEY), origins: [] },
]);

/**
 * The admin listener with the real page, and no node behind it.
 *
 * @param at - `host`: of an address that others reach, it asks for keys. `port`: 0 for any.
 */
export function serveConsole(
  routes: readonly AdminRoute[],
  at: Readonly<{ host?: string; port?: number }> = {},
): Promise<RunningHttpServer> {
  return serveAdmin([...consoleRoutes({ name: "one" }), ...routes], {
    ...{ host: "127.0.0.1", port: 0, keys: () => KEYS, monotonicMs: () => performance.now(), ...at },
    files: consolePage(() => {}),
  });
}
