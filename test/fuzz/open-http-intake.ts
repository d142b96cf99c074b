import type { BusRequest } from "../../src/actors/bus.ts";
import { serveHttp } from "../../src/adapters/http-server.ts";
import { engineRoutes } from "../../src/gateway/http/engine-routes.ts";
import { hashOfKey, KeyRing, newKey } from "../../src/gateway/http/key-ring.ts";
import type { FuzzWorld } from "./fuzz-world.ts";
import type { HttpIntake } from "./http-target.ts";

const ENDPOINTS = ["ingest", "score", "score.batch", "score.session", "content"];

/** The engine's HTTP intake in front of a world in memory. */
export async function openHttpIntake(
  world: FuzzWorld,
): Promise<HttpIntake & Readonly<{ close(): Promise<void> }>> {
  const keys = {
    producer: newKey("producer", (n) => new Uint8Array(n).fill(1)),
    reader: newKey("reader", (n) => new Uint8Array(n).fill(2)),
  };
  const ring = new KeyRing(
    (["producer", "reader"] as const).map((role) => ({
      name: role,
      role,
      sha256: hashOfKey(keys[role]),
      origins: [],
    })),
  );
  const handlers = Object.fromEntries(
    ENDPOINTS.map((endpoint) => [
      endpoint,
      ({ data, contentType }: BusRequest) => world.send(endpoint, data, contentType),
    ]),
  );
  const server = await serveHttp(engineRoutes(handlers), {
    host: "127.0.0.1",
    port: 0,
    keys: () => ring,
    monotonicMs: () => performance.now(),
    limits: { badKeys: { perSecond: 1e9, burst: 1e9 } },
  });
  return {
    port: Number(new URL(server.url).port),
    endpoints: ENDPOINTS,
    authorization: (endpoint) => `Bearer ${endpoint === "ingest" ? keys.producer : keys.reader}`,
    close: () => server.close(),
  };
}
