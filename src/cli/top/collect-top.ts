import type { NatsConnection } from "@nats-io/transport-node";
import type { NatsAccess } from "../../adapters/nats-access.ts";
import { connectNats } from "../../adapters/nats-connection.ts";
import { onDenial } from "../../adapters/nats-connectivity.ts";
import { systemClock } from "../../adapters/system-clock.ts";
import type { Subjects } from "../../events/subjects.ts";
import type { StatusReply } from "../../gateway/status.ts";
import type { Transition } from "../../shards/outcome.ts";
import type { Client } from "../client.ts";
import { type EndpointCount, endpointCounts, type TopSample } from "./top-sample.ts";

/** Looks at a deployment again and again. */
export type TopCollector = Readonly<{ look(): Promise<TopSample>; close(): Promise<void> }>;

/** Gateways answer at once; what has not come by then comes with the next look. */
const STATS_PATIENCE_MS = 250;
const decoder = new TextDecoder();

/**
 * What `resonance top` is made of: `status`, the counts of all gateways, and the transitions that are published. What a role may
 * not see is left out.
 *
 * @throws EngineError what {@link connectNats} throws.
 */
export async function collectTop(client: Client, access: NatsAccess): Promise<TopCollector> {
  const connection = await connectNats({ ...access, name: "resonance top" });
  const { subjects } = client;
  const denied = new Set<string>();
  onDenial(connection, ({ subject }) => denied.add(subject));
  const transitions = countTransitions(connection, subjects);
  const ofTransitions = `${subjects.prefix}.v1.transitions.>`;
  const ofStats = `$SRV.STATS.${subjects.prefix}`;
  return {
    async look() {
      const startedMs = systemClock.monotonicMs();
      const status = (await client.ask("status", {})) as StatusReply;
      const statusMs = systemClock.monotonicMs() - startedMs;
      const endpoints = denied.has(ofStats)
        ? null
        : await gatewayCounts(connection, subjects.prefix, ofStats);
      return {
        atMs: systemClock.monotonicMs(),
        timeMs: systemClock.nowMs(),
        status,
        statusMs,
        endpoints: denied.has(ofStats) ? null : endpoints,
        transitions: denied.has(ofTransitions) ? null : new Map(transitions),
      };
    },
    close: () => connection.close(),
  };
}

async function gatewayCounts(
  connection: NatsConnection,
  prefix: string,
  subject: string,
): Promise<EndpointCount[]> {
  const counts: EndpointCount[] = [];
  try {
    const answers = await connection.requestMany(subject, "", {
      strategy: "timer",
      maxWait: STATS_PATIENCE_MS,
    });
    for await (const { data } of answers)
      counts.push(...endpointCounts(JSON.parse(decoder.decode(data)), prefix));
  } catch {
    // Nobody serves at the moment, which `status` tells, or this user may not ask, which the denial tells.
  }
  return counts;
}

function countTransitions(
  connection: NatsConnection,
  { prefix, transition }: Subjects,
): Map<string, { entered: number; left: number }> {
  const counts = new Map<string, { entered: number; left: number }>();
  const first = transition("", "").split(".").length - 2;
  connection.subscribe(`${prefix}.v1.transitions.>`, {
    callback(error, { subject, data }) {
      if (error !== null) return; // Told as a denial.
      const segment = subject.split(".").slice(first).join("/");
      const count = counts.get(segment) ?? { entered: 0, left: 0 };
      counts.set(segment, count);
      const { kind } = JSON.parse(decoder.decode(data)) as Pick<Transition, "kind">;
      count[kind]++;
    },
  });
  return counts;
}
