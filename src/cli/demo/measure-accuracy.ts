import type { ScoreReply } from "../../gateway/score.ts";
import type { Client } from "../client.ts";
import type { ShopSimulator } from "../shop/shop-simulator.ts";

/** How often the strongest segment is the true one, beside the best guess that knows nobody. */
export type Accuracy = Readonly<{
  visitors: number;
  /** Share of visitors whose strongest segment is their true one; null without visitors. */
  accuracy: number | null;
  /** Share of the most frequent true segment: what always guessing it would reach. */
  chance: number | null;
}>;

const BATCH = 500;

/** Scores visitors whose segment the engine was never told and compares with the simulator's truth. */
export async function measureAccuracy(
  client: Client,
  shop: ShopSimulator,
  users: readonly string[],
): Promise<Accuracy> {
  const truths = new Map<string, number>();
  let right = 0;
  for (let at = 0; at < users.length; at += BATCH) {
    const batch = users.slice(at, at + BATCH);
    const reply = (await client.ask("score.batch", { users: batch }, 30_000)) as {
      answers: readonly ScoreReply[];
    };
    for (const answer of reply.answers) {
      const truth = shop.truthOf(answer.user);
      truths.set(truth, (truths.get(truth) ?? 0) + 1);
      const strongest = answer.segments.reduce((best, one) =>
        one.probability > best.probability ? one : best,
      );
      if (strongest.segment === truth) right++;
    }
  }
  if (users.length === 0) return { visitors: 0, accuracy: null, chance: null };
  return {
    visitors: users.length,
    accuracy: right / users.length,
    chance: Math.max(...truths.values()) / users.length,
  };
}
