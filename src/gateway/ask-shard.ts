import { EngineError, fromWireError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type {
  ScoreAnswer,
  ShardScoreReply,
  ShardScoreRequest,
  ShardSessionRequest,
} from "../resonance/score-answer.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { waysToShard } from "./ways-to-shard.ts";

/** Asks the owner of a shard, whoever that is by then. */
export type AskShard = (
  shard: number,
  name: "score" | "session",
  request: ShardScoreRequest | ShardSessionRequest,
) => Promise<readonly ScoreAnswer[]>;

/** Patience with a shard while its owner changes: a dead one is given up after 2 s. */
const SHARD_PATIENCE_MS = 6_000;
/** Patience with one answer, beside the wait that the request asks for: its owner may have died on the way. */
const ATTEMPT_TIMEOUT_MS = 1_000;
/** How often a shard without an owner is asked whether it has one, and the patience with that answer. */
const LOOK_MS = 20;
const LOOK_TIMEOUT_MS = 250;
/** Nobody has answered yet: somebody will, once the shard has an owner again. */
const NOBODY_ANSWERED = ["NO_RESPONDERS", "NOT_OWNER", "TIMEOUT"];
const NOTHING = new Uint8Array();

/**
 * Makes the way from one gateway to the shards. Requests that nobody answers wait together, and one small question at
 * a time is sent for all of them: if each tried again by itself, a shard without an owner would be stormed, and what
 * the storm costs would keep the cluster from giving the shard a new one.
 *
 * The result throws EngineError `NO_RESPONDERS`, `NOT_OWNER` or `TIMEOUT` (retryable) when the patience is used up,
 * and what the shard answers.
 */
export function shardAsker(
  ports: Pick<GatewayPorts, "bus" | "clock" | "ownerOf" | "sleep" | "subjects">,
): AskShard {
  const { bus, clock, sleep } = ports;
  const looks = new Map<number, Promise<boolean>>();
  const look = async (shard: number): Promise<boolean> => {
    await sleep(LOOK_MS);
    for (const subject of waysToShard(ports, shard, "status")) if (await answers(subject)) return true;
    return false;
  };
  const answers = async (subject: string): Promise<boolean> => {
    try {
      const reply = await bus.request(subject, NOTHING, { timeoutMs: LOOK_TIMEOUT_MS });
      return reply.error === undefined;
    } catch {
      return false; // Whoever waits looks again, or tells why its own request failed.
    }
  };
  const isAnswered = (shard: number): Promise<boolean> => {
    const underWay = looks.get(shard);
    if (underWay !== undefined) return underWay;
    const begun = look(shard).finally(() => looks.delete(shard));
    looks.set(shard, begun);
    return begun;
  };
  return async (shard, name, request) => {
    const data = encode(request);
    const waitMs = "waitMs" in request && request.atLeast !== undefined ? (request.waitMs ?? 0) : 0;
    const deadlineMs = clock.monotonicMs() + SHARD_PATIENCE_MS;
    for (let tries = 0; ; tries++) {
      try {
        const timeoutMs = ATTEMPT_TIMEOUT_MS + waitMs;
        const ways = waysToShard(ports, shard, name); // Both in turn: what is known of the owner may be old.
        const reply = await bus.request(ways[tries % ways.length] ?? "", data, { timeoutMs });
        if (reply.error !== undefined) throw fromWireError(reply.error);
        return (decode(reply.data) as ShardScoreReply).answers;
      } catch (thrown) {
        if (!(thrown instanceof EngineError && NOBODY_ANSWERED.includes(thrown.code))) throw thrown;
        do {
          if (clock.monotonicMs() >= deadlineMs) throw thrown;
        } while (!(await isAnswered(shard)));
      }
    }
  };
}
