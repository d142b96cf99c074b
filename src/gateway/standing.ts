import { ask } from "../actors/ask.ts";
import { addThresholdMoves, NO_MOVES, type ThresholdMoves } from "../resonance/threshold-moves.ts";
import type { StandingReply, StandingRequest } from "../resonance/user-standing.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** How active users stand to the segments of a map, in a sample over all shards. */
export type Standing = Readonly<{
  segments: readonly string[];
  /** Active users looked at, of so many users in memory. */
  users: number;
  resident: number;
  /** Active is whoever did something within so long before the newest event, ms. */
  activeMs: number;
  /** Of the users looked at, by segment. */
  resonating: readonly number[];
  /** Of the segment that was asked about. */
  moves: ThresholdMoves;
}>;

/** Users looked at, over all shards. */
const SAMPLE = 2_000;
/** Users of one page: a shard is busy with them for some milliseconds, and answers others before the next. */
const PAGE_USERS = 64;
const PAGE_TIMEOUT_MS = 3_000;
const ACTIVE_MS = 7 * 86_400_000;

/**
 * Asks all shards, side by side, how their active users stand to the segments of a map.
 *
 * @param segment - Its possible thresholds are counted, too.
 * @throws EngineError `UNKNOWN_MAP`, `NO_RESPONDERS`, `TIMEOUT` (retryable).
 */
export async function userStanding(
  ports: Pick<GatewayPorts, "bus" | "subjects">,
  { shards }: Pick<GatewayOptions, "shards">,
  { map, segment }: Readonly<{ map: string; segment?: string }>,
): Promise<Standing> {
  const perShard = Math.ceil(SAMPLE / shards);
  const asked = { map, activeMs: ACTIVE_MS, ...(segment === undefined ? {} : { segment }) };
  const all = await Promise.all(
    Array.from({ length: shards }, (_, shard) => standingIn(ports, shard, asked, perShard)),
  );
  const replies = all.flat();
  const segments = replies.at(-1)?.segments ?? [];
  const sum = (of: (reply: StandingReply) => number): number =>
    replies.reduce((total, reply) => total + of(reply), 0);
  return {
    segments,
    users: sum(({ users }) => users),
    resident: all.reduce((total, [first]) => total + (first?.resident ?? 0), 0),
    activeMs: ACTIVE_MS,
    resonating: segments.map((_, k) => sum(({ resonating }) => resonating[k] ?? 0)),
    moves: replies.reduce((total, { moves }) => addThresholdMoves(total, moves), NO_MOVES),
  };
}

async function standingIn(
  { bus, subjects }: Pick<GatewayPorts, "bus" | "subjects">,
  shard: number,
  asked: Pick<StandingRequest, "map" | "segment" | "activeMs">,
  perShard: number,
): Promise<readonly StandingReply[]> {
  const page = async (from: number, step: number, limit: number): Promise<StandingReply> => {
    const request: StandingRequest = { ...asked, from, step, limit };
    return (await ask(bus, subjects.shard(shard, "standing"), request, PAGE_TIMEOUT_MS)) as StandingReply;
  };
  const first = await page(0, 1, 0);
  // Every so many-th user, so that those who came first do not stand for all.
  const step = Math.max(1, Math.floor(first.resident / perShard));
  const replies = [first];
  let left = perShard;
  for (let from: number | undefined = 0; from !== undefined && left > 0; ) {
    const reply: StandingReply = await page(from, step, Math.min(left, PAGE_USERS));
    replies.push(reply);
    left -= reply.users;
    from = reply.next;
  }
  return replies;
}
