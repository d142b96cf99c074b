import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { Deployment } from "./deployment.ts";
import type { SentEvent } from "./event-source.ts";
import { logEntries } from "./log-entries.ts";

/** What was put into a shard's log. */
export type FilledStream = Readonly<{ name: string; from: number; count: number }>;

const AT_ONCE = 1_000;

/** Puts events into the shards' logs, as a gateway would have. @returns One for each shard, in order. */
export async function appendEvents(
  deployment: Pick<Deployment, "url" | "shards" | "client">,
  events: readonly SentEvent[],
): Promise<FilledStream[]> {
  const connection = await connectNats({ servers: [deployment.url], name: "resonance bench append" });
  try {
    const log = await NatsLog.over(connection);
    return await Promise.all(
      logEntries(events, deployment.shards).map(async (messages, shard) => {
        const name = deployment.client.subjects.shardLog(shard);
        const { last } = await log.bounds(name);
        for (let at = 0; at < messages.length; at += AT_ONCE)
          await log.append(name, messages.slice(at, at + AT_ONCE));
        const stored = (await log.bounds(name)).last - last;
        if (stored < messages.length) throw new Error(`${name} took ${stored} of ${messages.length} events`);
        return { name, from: last + 1, count: messages.length };
      }),
    );
  } finally {
    await connection.close();
  }
}
