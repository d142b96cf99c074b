import { type HttpServerOptions, serveHttp } from "../../../src/adapters/http-server.ts";
import { snippetScript } from "../../../src/adapters/snippet-script.ts";
import type { LogEntry } from "../../../src/events/log-entry.ts";
import { cloudEventsRoutes } from "../../../src/gateway/cloudevents/cloud-events-routes.ts";
import { hashOfKey, type KeptKey, KeyRing, newKey } from "../../../src/gateway/http/key-ring.ts";
import { DEFAULT_CATEGORIES } from "../../../src/gateway/segment-api/message-consent.ts";
import { segmentRoutes } from "../../../src/gateway/segment-api/segment-routes.ts";
import { snippetRoutes } from "../../../src/gateway/snippet/snippet-routes.ts";
import { gatewayWorld, NOW_MS, SHARDS } from "../gateway-world.ts";

/** A site whose pages may use {@link PAGE_KEY}. */
export const SHOP = "https://shop.example";
export const [WRITE_KEY, PAGE_KEY, READ_KEY, SLOW_KEY] = [
  newKey("producer", (bytes) => new Uint8Array(bytes).fill(1)),
  newKey("producer", (bytes) => new Uint8Array(bytes).fill(2)),
  newKey("reader", (bytes) => new Uint8Array(bytes).fill(3)),
  newKey("producer", (bytes) => new Uint8Array(bytes).fill(4)),
];
const aKey = (name: string, key: string, more: Partial<KeptKey> = {}): KeptKey => ({
  ...{ name, role: key.startsWith("rsn_w") ? "producer" : "reader", sha256: hashOfKey(key), origins: [] },
  ...more,
});
const keysFor = (origin: string): KeyRing =>
  new KeyRing([
    aKey("backend", WRITE_KEY),
    aKey("page", PAGE_KEY, { origins: [origin] }),
    aKey("app", READ_KEY),
    aKey("slow", SLOW_KEY, { rate: { perSecond: 1, burst: 5 } }),
  ]);

type Headers = Readonly<Record<string, string>>;
type Options = Partial<HttpServerOptions> &
  Readonly<{
    world?: Parameters<typeof gatewayWorld>[0] /** Whose pages may use {@link PAGE_KEY}. */;
    origin?: string;
  }>;

/** The interfaces of other products' clients over HTTP, on a gateway in memory. Close it. */
export async function intakeOverHttp({ world: given, origin = SHOP, ...options }: Options = {}) {
  const world = await gatewayWorld(given);
  const nowMs = () => NOW_MS;
  const { gateway } = world;
  const keys = keysFor(origin);
  const routes = [
    ...segmentRoutes({ intake: gateway.intake("segment"), nowMs, categories: DEFAULT_CATEGORIES }),
    ...cloudEventsRoutes({ intake: gateway.intake("cloudevents"), nowMs }),
    ...snippetRoutes({ intake: gateway.intake("snippet"), nowMs, script: snippetScript(() => {}) }),
  ];
  const address = { host: "127.0.0.1", port: 0 };
  const server = await serveHttp(routes, { ...address, keys: () => keys, monotonicMs: () => 0, ...options });
  const send = async (path: string, body: unknown, headers: Headers = {}) => {
    const bytes = body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body);
    const reply = await fetch(server.url + path, { method: "POST", body: bytes as string, headers });
    const text = await reply.text();
    return {
      reply,
      status: reply.status,
      text,
      value: JSON.parse(text) as Readonly<Record<string, unknown>>,
    };
  };
  return {
    world,
    server,
    /** Posts as it is. */
    send,
    /** Posts JSON with a key. */
    post(path: string, body: unknown, key = WRITE_KEY, headers: Headers = {}) {
      const basic = `Basic ${btoa(`${key}:`)}`;
      return send(path, body, { authorization: basic, "content-type": "application/json", ...headers });
    },
    /** What the logs hold. */
    async stored(): Promise<readonly LogEntry[]> {
      const shards = Array.from({ length: SHARDS }, (_, shard) => world.entries(shard));
      return (await Promise.all(shards)).flat();
    },
    close: () => server.close(),
  };
}

export type IntakeOverHttp = Awaited<ReturnType<typeof intakeOverHttp>>;
