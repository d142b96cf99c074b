import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { whileEchoing } from "../harness/bare-ceilings.ts";
import type { Deployment } from "../harness/deployment.ts";
import { runLoad } from "../harness/load-process.ts";
import type { EncodedRequest, LoadResult } from "../harness/load-tasks.ts";
import { answeredPerSecond } from "../harness/request-figures.ts";
import type { Scenario } from "../harness/scenario.ts";
import { warmNode } from "../harness/warm-node.ts";

/** `format` as the request names it; none for one object a user. `direct`: users of one shard, asked of that shard. */
type Way = Readonly<{ users: number; format?: "columns"; direct?: true; goal: boolean }>;

/** A reply of one object a user does not fit into a message for 1,000 users of 64 segments. */
const WAYS: readonly Way[] = [
  { users: 1_000, format: "columns", goal: true },
  { users: 1_000, format: "columns", direct: true, goal: true },
  { users: 1_000, goal: true },
  { users: 100, goal: false },
];
const IN_FLIGHT = 8;
const DISTINCT = 50;

/** Scores of many users at once. */
export const batch: Scenario = {
  name: "batch",
  summary: "score.batch: users a second, MessagePack, in each format that the deployment answers",
  ownsNodes: false,
  async run(context) {
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("batch") })
      : undefined;
    const { url } = deployment;
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    await events.close();
    const { warmUpMs, durationMs, rounds } = context.sizes;
    for (const way of WAYS) {
      const requests = batchRequests(deployment, way);
      const asked = { kind: "closed", url, requests, contentType: "application/msgpack" } as const;
      const name = `${way.users} users a request, ${way.format ?? "one object a user"}${way.direct ? ", to the shard" : ""}`;
      const probe = await runLoad({ ...asked, requests: requests.slice(0, 1), inFlight: 1, warmUpMs: 0 });
      if (probe.failed > 0) {
        context.skip(`${name}: refused with ${readable(probe.lastFailure)}`);
        continue;
      }
      const results: LoadResult[] = [];
      const echoes: number[] = [];
      for (let round = 0; round < rounds; round++) {
        context.progress(`round ${round + 1}: ${name}`);
        results.push(await runLoad({ ...asked, inFlight: IN_FLIGHT, warmUpMs, durationMs }));
        const subject = `${context.options.prefix}-bench.echo`;
        const same = requests.map(({ data }) => ({ subject, data }));
        const echo = await whileEchoing({ url, subject, replyBytes: probe.lastReply.length }, () =>
          runLoad({ ...asked, requests: same, inFlight: IN_FLIGHT, warmUpMs, durationMs }),
        );
        echoes.push(answeredPerSecond(echo) * way.users);
      }
      const p99Ms = Math.max(...results.map(({ latency }) => latency.p99Ms)).toFixed(1);
      context.measured({
        metric: name,
        unit: "users/s",
        rounds: results.map((result) => answeredPerSecond(result) * way.users),
        ceiling: { name: "bare echo with requests and replies of the same size", rounds: echoes },
        ...(way.goal ? { goal: { value: { atLeast: 300_000 } } } : {}),
        note: `${IN_FLIGHT} requests in flight, p99 ${p99Ms} ms, replies of ${probe.lastReply.length} bytes`,
      });
    }
    await node?.stop();
  },
};

function batchRequests({ prefix, users, shards }: Deployment, way: Way): EncodedRequest[] {
  const random = seededRandom(7);
  const ofShard = Array.from({ length: shards }, (_, shard) =>
    users.filter((user) => shardOf(user, shards) === shard),
  );
  return Array.from({ length: DISTINCT }, (_, i) => {
    const from = way.direct ? (ofShard[i % shards] ?? []) : users;
    const asked = Array.from({ length: way.users }, () => from[Math.floor(random() * from.length)]);
    const body = { users: asked, ...(way.format === undefined ? {} : { format: way.format }) };
    const subject = `${prefix}.v1.score.batch${way.direct ? `.shard.${i % shards}` : ""}`;
    return { subject, data: Uint8Array.from(encode(body)) };
  });
}

function readable(reply: Uint8Array): string {
  if (reply.length === 0) return "no answer";
  const { code, message } = decode(reply) as { code: string; message: string };
  return `${code}: ${message}`;
}
