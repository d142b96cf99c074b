import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../harness/deployment.ts";
import { addUsers, allResident } from "../harness/populate.ts";
import { memoryOf, type ProcessMemory } from "../harness/process-memory.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { askShards } from "../harness/shard-progress.ts";

/** Garbage of the fold is collected by then, as far as the runtime does so by itself. */
const SETTLE_MS = 3_000;
const GIBIBYTE = 2 ** 30;

/** What users cost in memory. */
export const memory: Scenario = {
  name: "memory",
  summary: "memory of a node with 10,000, 100,000 and 1,000,000 resident users, and with a bound",
  ownsNodes: true,
  async run(context) {
    const { users } = context.sizes;
    const steps = [users / 100, users / 10, users].map(Math.round);
    const deployment = await context.deployment();
    if ((await memoryOf(process.pid)) === undefined) {
      context.skip("memory is read from /proc, which this system does not have");
      return;
    }
    // First: the users of the other measurement would lie in the stores as well.
    await measureBound(context, deployment, { users, bound: Math.round(users / 10) });
    await measureAllResident(context, deployment, steps);
  },
};

async function measureAllResident(
  context: ScenarioContext,
  deployment: Deployment,
  steps: readonly number[],
): Promise<void> {
  const most = steps.at(-1) ?? 0;
  const node = await deployment.startNode({ options: allResident(most, deployment.shards) });
  const events = deployment.newUsers(most, "memory-");
  const empty = await settled(node.pid);
  const points: [number, number][] = [];
  let held = 0;
  for (const step of steps) {
    await addUsers(deployment, events, step - held, context.progress);
    held = step;
    const now = await settled(node.pid);
    const resident = await residentUsers(deployment);
    points.push([resident, now.anonymousBytes / 2 ** 20]);
    context.measured({
      metric: `a user, of ${resident} resident`,
      unit: "bytes/user",
      rounds: [(now.anonymousBytes - empty.anonymousBytes) / resident],
      note: "anonymous memory beyond that of the node before, garbage included",
    });
    context.measured({
      metric: `memory with ${resident} resident users`,
      unit: "GiB",
      rounds: [now.anonymousBytes / GIBIBYTE],
      note: `anonymous; all that is resident, pages of files included: ${(now.residentBytes / GIBIBYTE).toFixed(2)} GiB`,
    });
  }
  context.series({
    name: "memory",
    kind: "growth",
    xLabel: "resident users",
    yLabel: "MiB, anonymous",
    points,
  });
  await events.close();
  await node.stop();
}

/** Ten times as many users as the bound come by: those who were not seen for longest make room. */
async function measureBound(
  context: ScenarioContext,
  deployment: Deployment,
  { users, bound }: Readonly<{ users: number; bound: number }>,
): Promise<void> {
  const perShard = Math.ceil(bound / deployment.shards);
  const node = await deployment.startNode({ options: ["--resident", String(perShard)] });
  const events = deployment.newUsers(users, "bound-");
  await addUsers(deployment, events, users, context.progress);
  await events.close();
  const now = await settled(node.pid);
  context.measured({
    metric: `resident of ${users} users, bound at ${perShard} a shard`,
    unit: "users",
    rounds: [await residentUsers(deployment)],
    goal: { value: { atMost: perShard * deployment.shards } },
  });
  context.measured({
    metric: `memory with ${users} users, bound at ${perShard} resident a shard`,
    unit: "GiB",
    rounds: [now.anonymousBytes / GIBIBYTE],
    goal: { value: { atMost: 0.8 } },
    note: `anonymous; all that is resident, pages of files included: ${(now.residentBytes / GIBIBYTE).toFixed(2)} GiB`,
  });
  await node.stop();
}

async function settled(pid: number): Promise<ProcessMemory> {
  await sleep(SETTLE_MS);
  const now = await memoryOf(pid);
  if (now === undefined) throw new Error(`process ${pid} has ended`);
  return now;
}

async function residentUsers({ client, shards }: Deployment): Promise<number> {
  const told = await askShards(client.bus, client.subjects, shards);
  return told.reduce((sum, one) => sum + (one?.resident ?? 0), 0);
}
