import { rehash32 } from "../kernel/hash.ts";
import { HeldOutCollector } from "./held-out-collector.ts";
import type { HeldOutScores } from "./held-out-scores.ts";

/**
 * Puts the users that a fit held out behind others, until there are enough. Users keep numbers that do not depend on how many the
 * others are, so that what is drawn by their numbers is the same from day to day.
 *
 * @param usersMax - So many users in all, unless the first ones are more.
 */
export function poolHeldOut(
  first: HeldOutScores,
  reference: HeldOutScores | undefined,
  usersMax: number,
): HeldOutScores {
  if (reference === undefined) return first;
  const collector = new HeldOutCollector({ segments: first.segments, mode: first.mode });
  for (const [sample, user] of first.users.entries()) addSample(collector, first, sample, user);
  const most = Math.max(0, usersMax - new Set(first.users).size);
  const ranked = [...new Set(reference.users)].sort(
    (a, b) => rehash32(a, SALT.rank) - rehash32(b, SALT.rank),
  );
  const kept = new Set(ranked.slice(0, most));
  for (const [sample, user] of reference.users.entries())
    if (kept.has(user)) addSample(collector, reference, sample, rehash32(user, SALT.reference));
  return collector.scores();
}

/** The users in two halves, each with all samples of its users. */
export function inHalves(heldOut: HeldOutScores): readonly [HeldOutScores, HeldOutScores] {
  const { segments, mode } = heldOut;
  const halves = [
    new HeldOutCollector({ segments, mode }),
    new HeldOutCollector({ segments, mode }),
  ] as const;
  for (const [sample, user] of heldOut.users.entries())
    addSample(halves[rehash32(user, SALT.half) & 1 ? 1 : 0], heldOut, sample, user);
  return [halves[0].scores(), halves[1].scores()];
}

/** Some of the users. */
export function onlyUsers(heldOut: HeldOutScores, chosen: ReadonlySet<number>): HeldOutScores {
  const { segments, mode } = heldOut;
  const collector = new HeldOutCollector({ segments, mode });
  for (const [sample, user] of heldOut.users.entries())
    if (chosen.has(user)) addSample(collector, heldOut, sample, user);
  return collector.scores();
}

const SALT = { half: 0x68616c66, rank: 0x72616e6b, reference: 0x72656672 } as const;

function addSample(to: HeldOutCollector, from: HeldOutScores, sample: number, user: number): void {
  const { segments, similarities, logPriors, evidence, labels, users, arrivals } = from;
  to.arrive(user, arrivals?.get(users[sample]!));
  to.addScored(
    similarities.subarray(sample * segments, (sample + 1) * segments),
    logPriors.subarray(sample * (segments + 1), (sample + 1) * (segments + 1)),
    { evidence: evidence[sample]!, label: labels[sample]!, user },
  );
}
