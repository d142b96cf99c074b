import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { benchAccess } from "./bench-access.ts";
import type { Deployment } from "./deployment.ts";
import type { SentEvent } from "./event-source.ts";
import { logEntries } from "./log-entries.ts";

/** What was put into a shard's log: messages from a sequence on, and the events in them. */
export type FilledStream = Readonly<{ name: string; from: number; count: number; events: number }>;

/** Events a request, as services send them that have many. */
export const REQUEST_EVENTS = 100;

/**
 * Puts events into the shards' logs, as a gateway would have that got them in requests of so many.
 *
 * @returns One for each shard, in order.
 */
export async function appendEvents(
  deployment: Pick<Deployment, "url" | "shards" | "client">,
  events: readonly SentEvent[],
  requestEvents = REQUEST_EVENTS,
): Promise<FilledStream[]> {
  const connection = await connectNats({ ...benchAccess(deployment.url), name: "resonance bench append" });
  try {
    const log = await NatsLog.over(connection);
    return await Promise.all(
      logEntries(events, deployment.shards, requestEvents).map(async ({ messages, events }, shard) => {
        const name = deployment.client.subjects.shardLog(shard);
        const { last } = await log.bounds(name);
        await log.append(name, messages);
        const stored = (await log.bounds(name)).last - last;
        if (stored < messages.length)
          throw new Error(`${name} took ${stored} of ${messages.length} messages`);
        return { name, from: last + 1, count: messages.length, events };
      }),
    );
  } finally {
    await connection.close();
  }
}
