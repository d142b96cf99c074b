import { isDeepStrictEqual } from "node:util";
import type { Log } from "../../src/actors/log.ts";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { type ExplainReply, type ExplainWorld, explain } from "../../src/explain.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { releasesOf } from "../../src/releases.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { hashUser, type Servers, subjects } from "./servers.ts";
import type { SimClient } from "./sim-client.ts";
import type { SimShape } from "./sim-node.ts";

/** Decisions of a run that are replayed, spread over it. */
const REPLAYS = 40;

/**
 * Decisions that were answered while nodes died and shards moved are replayed: from all that was ever stored each gives
 * the answer that was served, and from what is left behind snapshots the same or none.
 *
 * @param untrimmed - Everything that was ever stored.
 */
export async function wrongReplays(
  servers: Servers,
  client: SimClient,
  { ringEvents }: SimShape,
  untrimmed: Log,
): Promise<string[]> {
  const found: string[] = [];
  const world: ExplainWorld = {
    log: untrimmed,
    releases: releasesOf(servers.blobs),
    snapshots: {
      blobs: servers.snapshots,
      compressor: identityCompressor,
      cipher: servers.cipher,
      pause: async () => {},
    },
    subjects,
    clock: servers.time,
    decisions: new DecisionIds([1, 2], "oracle"),
    hashUser,
  };
  const limits = { ringEvents, messagesMax: 1_000_000, patienceMs: 1_000_000 };
  const replayed = async (from: ExplainWorld, { decision }: ScoreAnswer): Promise<ScoreAnswer> => {
    const question = { kind: "decision", decision, segments: [], type: "application/msgpack" } as const;
    return (decode(await explain(from, question, limits)) as ExplainReply).answer;
  };
  const step = Math.max(1, Math.floor(client.served.length / REPLAYS));
  for (const [i, answer] of client.served.entries()) {
    if (i % step !== 0) continue;
    const isErased = client.erased.has(answer.user);
    const served = answer.known ? answer : { ...answer, user: "" };
    for (const from of [world, { ...world, log: servers.log }]) {
      try {
        if (isDeepStrictEqual(await replayed(from, answer), served)) continue;
        found.push(`the replay of ${answer.decision} of ${answer.user} gives another answer`);
      } catch (thrown) {
        if (isErased && thrown instanceof EngineError && thrown.code === "ERASED") continue;
        const isTooOld = thrown instanceof EngineError && thrown.code === "DECISION_TOO_OLD";
        if (isTooOld && from !== world) continue;
        found.push(`${answer.decision} of ${answer.user} can't be replayed: ${String(thrown)}`);
      }
    }
  }
  found.push(...(await wrongChoices(client, world, limits)));
  return found.slice(0, 5);
}

/** What was chosen of contents is chosen again. */
async function wrongChoices(
  client: SimClient,
  world: ExplainWorld,
  limits: Parameters<typeof explain>[2],
): Promise<string[]> {
  const found: string[] = [];
  const byShards = client.chosen.filter(({ position }) => position !== null);
  const step = Math.max(1, Math.floor(byShards.length / REPLAYS));
  for (const [i, answer] of byShards.entries()) {
    if (i % step !== 0) continue;
    const { decision, user } = answer;
    const question = { kind: "decision", decision, segments: [], type: "application/msgpack" } as const;
    try {
      const { content } = decode(await explain(world, question, limits)) as ExplainReply;
      // An id does not tell whom a prior was answered for.
      const served = content?.user === "" ? { ...answer, user: "" } : answer;
      if (!isDeepStrictEqual(content, served))
        found.push(`the replay of ${decision} of ${user} chooses something else`);
    } catch (thrown) {
      if (client.erased.has(user) && thrown instanceof EngineError && thrown.code === "ERASED") continue;
      found.push(`${decision} of ${user} can't be chosen again: ${String(thrown)}`);
    }
  }
  return found;
}
