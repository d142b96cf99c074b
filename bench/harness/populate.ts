import { appendEvents } from "./append-events.ts";
import { type Deployment, untilFolded } from "./deployment.ts";
import type { EventStream } from "./event-source.ts";

/** Events appended before the node is waited for: bounds the memory of both. */
const CHUNK = 100_000;

/** Keeps every user of a deployment in memory, however uneven the shards are. */
export function allResident(users: number, shards: number): readonly string[] {
  return ["--resident", String(Math.ceil((2 * users) / shards) + 10_000)];
}

/**
 * Gives a deployment more users, one event each, while a node of it runs.
 *
 * @param events - A stream that spreads its events over at least so many users.
 * @returns The users that were added.
 */
export async function addUsers(
  deployment: Deployment,
  events: EventStream,
  count: number,
  progress: (line: string) => void,
): Promise<string[]> {
  const users = new Set<string>();
  while (users.size < count) {
    const taken = await events.take(Math.min(CHUNK, count - users.size));
    for (const { user } of taken) users.add(user);
    await appendEvents(deployment, taken);
    await untilFolded(deployment.client);
    if (taken.length === CHUNK || users.size === count)
      progress(`${users.size} of ${count} new users are held`);
  }
  return [...users];
}
