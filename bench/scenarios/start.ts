import { setTimeout as sleep } from "node:timers/promises";
import { shardOf } from "../../src/kernel/hash.ts";
import type { Deployment } from "../harness/deployment.ts";
import { addUsers } from "../harness/populate.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";

const LOOK_MS = 5;
const PATIENCE_MS = 500;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How long a node with many stored users takes until it answers. */
export const start: Scenario = {
  name: "start",
  summary: "start of a node with many stored users, until users of every shard are answered",
  ownsNodes: true,
  async run(context) {
    const { rounds, users } = context.sizes;
    const deployment = await context.deployment();
    const few = deployment.users.length;
    const fewSeconds: number[] = [];
    const manySeconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      context.progress(`round ${round + 1}: with ${few} users`);
      fewSeconds.push(await startOnce(deployment, deployment.users, []));
    }
    const node = await deployment.startNode();
    const events = deployment.newUsers(users, "start-");
    const added = await addUsers(deployment, events, Math.max(0, users - few), context.progress);
    await events.close();
    await node.stop();
    for (let round = 0; round < rounds; round++) {
      context.progress(`round ${round + 1}: with ${few + added.length} users`);
      manySeconds.push(await startOnce(deployment, added, context.profiling("start")));
    }
    context.measured({
      metric: `until it answers, with ${few + added.length} stored users`,
      unit: "s",
      rounds: manySeconds,
      ceiling: { name: `the same with ${few} users`, rounds: fewSeconds },
      goal: { value: { atMost: 3 } },
      note: "from the start of the process; files are in the system's cache",
    });
  },
};

async function startOnce(
  deployment: Deployment,
  users: readonly string[],
  runtime: ReturnType<ScenarioContext["profiling"]>,
): Promise<number> {
  const waiting = oneUserAShard(users, deployment.shards);
  const beganMs = performance.now();
  const node = deployment.spawnNode({ runtime });
  const failed = node.ready.then(() => new Promise<never>(() => {}));
  await Promise.race([failed, Promise.all(waiting.map((user) => untilAnswered(deployment, user)))]);
  const seconds = (performance.now() - beganMs) / 1_000;
  await (await node.ready).stop();
  return seconds;
}

function oneUserAShard(users: readonly string[], shards: number): string[] {
  const byShard = new Map<number, string>();
  for (const user of users) {
    const shard = shardOf(user, shards);
    if (!byShard.has(shard)) byShard.set(shard, user);
    if (byShard.size === shards) break;
  }
  return [...byShard.values()];
}

async function untilAnswered({ client }: Deployment, user: string): Promise<void> {
  const request = encoder.encode(JSON.stringify({ user }));
  for (;;) {
    const asking = client.bus.request(client.subjects.api("score"), request, { timeoutMs: PATIENCE_MS });
    const reply = await asking.catch(() => undefined); // Nobody yet.
    if (reply !== undefined && reply.error === undefined) {
      const { known } = JSON.parse(decoder.decode(reply.data)) as { known: boolean };
      if (known) return;
      throw new Error(`the node does not know ${user}, whom it stored`);
    }
    await sleep(LOOK_MS);
  }
}
