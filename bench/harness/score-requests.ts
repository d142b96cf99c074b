import { encodeReply } from "../../src/events/decode-request.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Deployment } from "./deployment.ts";
import { runLoad } from "./load-process.ts";
import type { EncodedRequest } from "./load-tasks.ts";

/** How a score is asked: any gateway passes it on, or the shard's owner is addressed by the client. */
export type ScoreWay = "gateway" | "shard";

/** Enough that no cache of the last few users helps. */
const REQUESTS = 20_000;
const SEED = 7;

/** Requests for the scores of users who are held, drawn at random, each with the subject that its way has. */
export function scoreRequests(
  deployment: Pick<Deployment, "prefix" | "shards" | "users">,
  way: ScoreWay,
): EncodedRequest[] {
  const { prefix, shards, users } = deployment;
  const random = seededRandom(SEED);
  return Array.from({ length: REQUESTS }, () => {
    const user = users[Math.floor(random() * users.length)] ?? "";
    const subject =
      way === "gateway" ? `${prefix}.v1.score` : `${prefix}.v1.score.shard.${shardOf(user, shards)}`;
    return { subject, data: encodeReply({ user }, "application/json") };
  });
}

/** The ways of a run that the deployment answers; the size of a reply, bytes, and what a bad one says. */
export async function answeredWays(
  deployment: Deployment,
  wanted: ScoreWay | "both",
  skip: (reason: string) => void,
): Promise<readonly { readonly way: ScoreWay; readonly replyBytes: number }[]> {
  const ways: { way: ScoreWay; replyBytes: number }[] = [];
  for (const way of ["gateway", "shard"] as const) {
    if (wanted !== "both" && wanted !== way) continue;
    const requests = scoreRequests(deployment, way).slice(0, 20);
    const { url } = deployment;
    const found = await runLoad({ kind: "closed", url, requests, inFlight: 1, warmUpMs: 0 });
    if (found.failed === 0) ways.push({ way, replyBytes: found.lastReply.length });
    else if (way === "shard") skip(`no shard answers on ${deployment.prefix}.v1.score.shard.<n>`);
    else throw new Error(`scores are refused: ${new TextDecoder().decode(found.lastFailure)}`);
  }
  return ways;
}
