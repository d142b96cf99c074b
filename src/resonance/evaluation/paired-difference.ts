import type { Cell } from "./cell.ts";

/** How much better one method is than another on the same users; above 0 is better, whatever the metric. */
export type PairedDifference = Readonly<{ mean: number; standardError: number }>;

/** Better by more than two standard errors; worse by more than one; level in between. */
export type Verdict = "better" | "level" | "worse";

/** The cells of two methods at one depth of one split, and whose they are. */
export type CellPair = Readonly<{ ours: Cell; theirs: Cell; users: readonly string[] }>;

/**
 * Mean difference over splits, with its paired standard error: a user who is in several splits counts as one, since
 * their differences lean the same way.
 */
export function pairedDifference(metric: "auc" | "logLoss", pairs: readonly CellPair[]): PairedDifference {
  const sign = metric === "auc" ? 1 : -1;
  const field = metric === "auc" ? "aucInfluence" : "lossInfluence";
  const byUser = new Map<string, number>();
  let mean = 0;
  for (const { ours, theirs, users } of pairs) {
    mean += (sign * (ours[metric] - theirs[metric])) / pairs.length;
    for (const [i, user] of users.entries()) {
      const moved = (ours[field][i]! - theirs[field][i]!) / users.length / pairs.length;
      byUser.set(user, (byUser.get(user) ?? 0) + moved);
    }
  }
  let squares = 0;
  for (const moved of byUser.values()) squares += moved * moved;
  return { mean, standardError: Math.sqrt(squares) };
}

/** Standard errors that a gain must exceed to count, and a loss. */
const BETTER_ERRORS = 2;
const WORSE_ERRORS = 1;

export function verdictOf({ mean, standardError }: PairedDifference): Verdict {
  if (mean > BETTER_ERRORS * standardError) return "better";
  return mean < -WORSE_ERRORS * standardError ? "worse" : "level";
}
