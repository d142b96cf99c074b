import { type WatchedKeys, watchKeys } from "./adapters/http-keys.ts";
import type { RunningHttpServer } from "./adapters/http-server.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { type TlsFiles, type WatchedTls, watchTls } from "./adapters/tls-files.ts";
import { isLoopbackAddress } from "./gateway/http/admin-access.ts";
import type { Report } from "./kernel/report.ts";

/** Of a listener that speaks plain HTTP beyond its machine. */
const PLAIN = { http: { event: "http.plain" }, admin: { event: "admin.plain" } } as const;

/** Where something listens, and the files that it follows meanwhile. */
export type ListenerPlace = Readonly<{ host: string; port: number; keysFile: string; tls?: TlsFiles }>;

/** What both listeners serve with. */
export type ListenerParts = Readonly<{
  host: string;
  port: number;
  keys: WatchedKeys["now"];
  tls?: WatchedTls;
  monotonicMs(): number;
}>;

/**
 * Starts a listener with its keys and its certificate, which are followed until it is closed.
 *
 * @param option - Of the command line: what the others of the listener begin with.
 * @throws EngineError what `serve` throws; `NO_HTTP_KEYS` for `http`, `BAD_KEYS_FILE`, `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function startListener(
  option: "http" | "admin",
  place: ListenerPlace,
  report: Report,
  serve: (parts: ListenerParts) => Promise<RunningHttpServer>,
): Promise<RunningHttpServer> {
  const { host, port, keysFile } = place;
  const opened: { close(): void }[] = [];
  const closeFiles = (): void => {
    for (const one of opened) one.close();
  };
  try {
    const tls = await tlsOf(option, place, report);
    if (tls !== undefined) opened.push(tls);
    const keys = await watchKeys(keysFile, report, option === "admin");
    opened.push(keys);
    const server = await serve({
      ...{ host, port, keys: keys.now, monotonicMs: systemClock.monotonicMs },
      ...(tls === undefined ? {} : { tls }),
    });
    return {
      url: server.url,
      async close() {
        closeFiles();
        await server.close();
      },
    };
  } catch (thrown) {
    closeFiles();
    throw thrown;
  }
}

/**
 * The certificate of a listener, if it has one. Of one that others reach, and that has none, it is told once that what it speaks
 * can be read on the way, unless a proxy in front of it ends TLS.
 *
 * @throws EngineError `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function tlsOf(
  option: "http" | "admin",
  { host, tls }: Pick<ListenerPlace, "host" | "tls">,
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
