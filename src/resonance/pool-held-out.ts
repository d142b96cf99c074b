import { rehash32 } from "../kernel/hash.ts";
import { HeldOutCollector } from "./held-out-collector.ts";
import type { HeldOutScores } from "./held-out-scores.ts";

/**
 * Puts held-out users of several sources together, the first ones first, until there are enough.
 *
 * @param usersMax - Of the last source only so many are taken that there are at most so many in all.
 */
export function poolHeldOut(sources: readonly HeldOutScores[], usersMax: number): HeldOutScores {
  const [first] = sources;
  if (first === undefined) throw new RangeError("there is at least one source");
  const collector = new HeldOutCollector({ segments: first.segments, mode: first.mode });
  let users = 0;
  for (const source of sources) {
    const numbers = new Map<number, number>();
    for (const [sample, user] of source.users.entries()) {
      let number = numbers.get(user);
      if (number === undefined) {
        if (users >= usersMax) continue;
        number = users++;
        numbers.set(user, number);
      }
      addSample(collector, source, sample, number);
    }
  }
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
    addSample(halves[rehash32(user, SALT) & 1 ? 1 : 0], heldOut, sample, user);
  return [halves[0].scores(), halves[1].scores()];
}

/** The users whose numbers are below `users`. */
export function firstUsers(heldOut: HeldOutScores, users: number): HeldOutScores {
  const { segments, mode } = heldOut;
  const collector = new HeldOutCollector({ segments, mode });
  for (const [sample, user] of heldOut.users.entries())
    if (user < users) addSample(collector, heldOut, sample, user);
  return collector.scores();
}

const SALT = 0x68616c66;

function addSample(to: HeldOutCollector, from: HeldOutScores, sample: number, user: number): void {
  const { segments, similarities, logPriors, evidence, labels } = from;
  to.addScored(
    similarities.subarray(sample * segments, (sample + 1) * segments),
    logPriors.subarray(sample * (segments + 1), (sample + 1) * (segments + 1)),
    { evidence: evidence[sample]!, label: labels[sample]!, user },
  );
}
