import type { Flip } from "./explanation.ts";
import type { Rescore } from "./rescore.ts";

/** The greatest logit's place; of equal ones the earlier. */
export function topOf(logits: Float64Array): number {
  let top = 0;
  for (let k = 1; k < logits.length; k++) if (logits[k]! > logits[top]!) top = k;
  return top;
}

/**
 * The smallest recent change that would have led to another top: how many of the newest events would have to be absent,
 * and whether fewer are enough that are chosen by what they add to the lead. Each is verified by scoring without them.
 *
 * @param leadOf - What each event told adds to the lead, oldest first; the events told are the newest of those held.
 * @param nameOf - The segment at a place; null for none.
 */
export function findFlip(
  rescore: Rescore,
  leadOf: readonly number[],
  nameOf: (place: number) => string | null,
): Flip {
  const held = rescore.user.events.length;
  const top = topOf(rescore.actual.values);
  const { isExact } = rescore;
  const topWithout = (removed: ReadonlySet<number>): number => topOf(rescore.without(removed));
  // What can't be computed again may itself be what makes the top.
  if (held === 0 || topWithout(new Set()) !== top) return { newest: null, fewest: null, isExact };

  let newest: Flip["newest"] = null;
  let events = 0;
  for (const logits of rescore.withoutNewest()) {
    events++;
    const becomes = topOf(logits);
    if (becomes === top) continue;
    newest = { events, becomes: nameOf(becomes) };
    break;
  }

  const first = held - leadOf.length;
  const ranked = [...leadOf.keys()].filter((e) => leadOf[e]! > 0).sort((a, b) => leadOf[b]! - leadOf[a]!);
  const chosen = chooseFewest(
    ranked,
    (told) => topWithout(new Set(Array.from(told, (e) => e + first))) !== top,
  );
  if (chosen === undefined || (newest !== null && chosen.length >= newest.events))
    return { newest, fewest: null, isExact };
  const becomes = topWithout(new Set(chosen.map((e) => e + first)));
  return { newest, fewest: { events: chosen.sort((a, b) => a - b), becomes: nameOf(becomes) }, isExact };
}

/** Takes candidates, the best first, until they are enough, and gives back those that are not needed. */
function chooseFewest(
  ranked: readonly number[],
  isEnough: (chosen: readonly number[]) => boolean,
): number[] | undefined {
  let chosen: number[] = [];
  for (const candidate of ranked) {
    chosen.push(candidate);
    if (isEnough(chosen)) break;
  }
  if (chosen.length === 0 || !isEnough(chosen)) return undefined;
  // Again after each: what was needed beside one that is gone may not be needed any more.
  for (let left = chosen.length - 1; left >= 0 && chosen.length > 1; left--) {
    const others = chosen.toSpliced(left, 1);
    if (!isEnough(others)) continue;
    chosen = others;
    left = chosen.length;
  }
  return chosen;
}
