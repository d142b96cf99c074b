import { setTimeout as sleep } from "node:timers/promises";
import { shardOf } from "../../src/kernel/hash.ts";
import type { ClusterStatus } from "../../src/supervisor/cluster-agent.ts";
import type { Deployment } from "../harness/deployment.ts";
import type { NodeUnderTest } from "../harness/node-under-test.ts";
import type { Scenario } from "../harness/scenario.ts";
import { askShards } from "../harness/shard-progress.ts";

/** The survivor is the node that the deployment was prepared with; the other one builds its copies from the logs. */
const [VICTIM, SURVIVOR] = ["bench-victim", "bench"] as const;
const PROBE_EVERY_MS = 10;
/** A service's own patience: a request that the dead gateway took along is asked again after this. */
const PATIENCE_MS = 250;
const LOOK_MS = 50;
const BALANCED_WITHIN_MS = 60_000;
const encoder = new TextEncoder();

/** One of two nodes is killed. */
export const failover: Scenario = {
  name: "failover",
  summary:
    "kill -9 of one of two nodes: time until its users are answered again, and until its shards have owners",
  ownsNodes: true,
  async run(context) {
    const deployment = await context.deployment();
    const survivor = await deployment.startNode({ name: SURVIVOR });
    const answered: number[] = [];
    const owned: number[] = [];
    for (let round = 0; round < context.sizes.rounds; round++) {
      context.progress(`round ${round + 1}: two nodes share the shards`);
      const victim = await deployment.startNode({ name: VICTIM });
      const shards = await untilBalanced(deployment);
      context.progress(`round ${round + 1}: kill -9 of the owner of ${shards.length} shards`);
      const times = await killAndProbe(deployment, victim, shards);
      answered.push(times.answeredMs);
      owned.push(times.ownedMs);
    }
    await survivor.stop();
    context.measured({
      metric: "users of the dead node's shards are answered again",
      unit: "ms",
      rounds: answered,
      note: `the worst shard; asked every ${PROBE_EVERY_MS} ms through any gateway, each request for ${PATIENCE_MS} ms at most; copies answer first`,
    });
    context.measured({ metric: "all shards have owners again", unit: "ms", rounds: owned });
  },
};

/** @returns Shards of the node that will be killed, once copies of them on the other have caught up. */
async function untilBalanced(deployment: Deployment): Promise<number[]> {
  const deadlineMs = performance.now() + BALANCED_WITHIN_MS;
  while (performance.now() < deadlineMs) {
    const asked = await deployment.client.ask("status", {}).catch(() => undefined); // A gateway may be on its way.
    const cluster = (asked as { cluster: ClusterStatus } | undefined)?.cluster;
    const units = cluster?.units.filter(({ unit }) => unit.startsWith("shard")) ?? [];
    const isSettled = units.every(({ next, serving, ready }) => next === null && serving && ready.length > 0);
    const told = await askShards(deployment.client.bus, deployment.client.subjects, deployment.shards);
    const mine = told.flatMap((one) => (one?.node === VICTIM ? [one.shard] : []));
    const isShared = mine.length > 0 && mine.length < deployment.shards && told.every((one) => one);
    if (isSettled && isShared && units.length === deployment.shards) return mine;
    await sleep(LOOK_MS);
  }
  throw new Error("two nodes did not come to share the shards");
}

async function killAndProbe(
  deployment: Deployment,
  victim: NodeUnderTest,
  shards: readonly number[],
): Promise<{ answeredMs: number; ownedMs: number }> {
  const users = shards.map((shard) => {
    const user = deployment.users.find((one) => shardOf(one, deployment.shards) === shard);
    if (user === undefined) throw new Error(`no user of shard ${shard} is held`);
    return user;
  });
  const killed = victim.kill();
  const beganMs = performance.now();
  const times = await Promise.all(users.map((user) => untilAnswered(deployment, user)));
  const answeredMs = Math.max(...times) - beganMs;
  for (;;) {
    const told = await askShards(deployment.client.bus, deployment.client.subjects, deployment.shards);
    if (told.every((one) => one?.node === SURVIVOR)) break;
    await sleep(LOOK_MS);
  }
  const ownedMs = performance.now() - beganMs;
  await killed;
  return { answeredMs, ownedMs };
}

/** Asks again and again, without waiting for what was asked before. @returns When the first answer came. */
function untilAnswered({ client }: Deployment, user: string): Promise<number> {
  const request = encoder.encode(JSON.stringify({ user }));
  return new Promise((resolve) => {
    const probe = async (): Promise<void> => {
      const asking = client.bus.request(client.subjects.api("score"), request, { timeoutMs: PATIENCE_MS });
      const reply = await asking.catch(() => undefined); // Nobody answers: that is what is measured.
      if (reply === undefined || reply.error !== undefined) return;
      clearInterval(probing);
      resolve(performance.now());
    };
    const probing = setInterval(() => void probe(), PROBE_EVERY_MS);
    void probe();
  });
}
