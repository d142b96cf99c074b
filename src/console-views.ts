import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import { newId } from "./adapters/entropy.ts";
import { keptMessages } from "./adapters/nats-dead-letters.ts";
import { systemClock } from "./adapters/system-clock.ts";
import type { ConsolePorts } from "./console/console-ports.ts";
import { HandOvers } from "./console/hand-overs.ts";
import { consoleViewRoutes } from "./console/view-routes.ts";
import { deadLettersOf } from "./dead-letters.ts";
import type { Subjects } from "./events/subjects.ts";
import type { Explainer } from "./explainer.ts";
import { shardAsker } from "./gateway/ask-shard.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { AdminRoute } from "./gateway/http/admin-route.ts";
import { userStanding } from "./gateway/standing.ts";
import { lookAtVisitor } from "./gateway/visitor-lens.ts";
import { EngineError, fromWireError } from "./kernel/engine-error.ts";
import type { HashUser } from "./privacy/user-hash.ts";
import type { ClusterAgent } from "./supervisor/cluster-agent.ts";
import { shardUnit } from "./units.ts";

/** What the console's views are composed of. */
export type ViewParts = Readonly<{
  bus: Bus;
  log: Log;
  releases: BlobStore;
  subjects: Subjects;
  connection: NatsConnection;
  agent: ClusterAgent;
  explainer: Explainer;
  gateway: Gateway;
  hashUser: HashUser;
}>;

/** How often is looked for changes of owners, and how many are kept. */
const LOOK_MS = 500;
const HAND_OVERS_MAX = 100;

/** The routes of the console's views. `close` ends what they watch. */
export async function startViews(
  parts: ViewParts,
  options: Readonly<{ shards: number }>,
): Promise<Readonly<{ routes: readonly AdminRoute[]; close(): Promise<void> }>> {
  const { agent, bus, connection, explainer, gateway, hashUser, log, releases, subjects } = parts;
  const handOvers = new HandOvers(HAND_OVERS_MAX);
  const look = (): void => handOvers.look(agent.status().units, systemClock.nowMs());
  look();
  const looking = setInterval(look, LOOK_MS);
  looking.unref();
  const askShard = shardAsker({
    bus,
    subjects,
    clock: systemClock,
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    ownerOf: (shard) => agent.ownerOf(shardUnit(shard)),
    copiesOf: (shard) => agent.copiesOf(shardUnit(shard)),
  });
  const kept = await keptMessages(connection, subjects.deadLetters);
  const lensPorts = { askShard, hashUser, releases, journey: explainer.journey };
  const ports: ConsolePorts = {
    ask: (endpoint, body) => askHere(gateway, endpoint, body),
    lookAtVisitor: (asked) => lookAtVisitor(lensPorts, options, asked),
    userStanding: (asked) => userStanding({ bus, subjects }, options, asked),
    putDefinitions: (maps) => gateway.putDefinitions(maps),
    letters: deadLettersOf({ kept, log, subjects, newId }, options.shards),
    handOvers: () => handOvers.newest,
  };
  return {
    routes: consoleViewRoutes(ports),
    async close() {
      clearInterval(looking);
    },
  };
}

/** Asks this node's own gateway as a service would, in JSON. @throws EngineError as the endpoint answers. */
async function askHere({ handlers }: Gateway, endpoint: string, body: unknown): Promise<unknown> {
  const data = new TextEncoder().encode(JSON.stringify(body));
  const reply = await handlers[endpoint]?.({ subject: endpoint, data, contentType: "application/json" });
  if (reply === undefined) {
    const message = `${endpoint} has no answer`;
    throw new EngineError({ code: "INTERNAL", message, retryable: false });
  }
  if (reply.error !== undefined) throw fromWireError(reply.error);
  return JSON.parse(new TextDecoder().decode(reply.data));
}
