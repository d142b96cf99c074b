import { FEATURES } from "../../features/all-families.ts";
import type { WithheldFigures } from "../../resonance/score-answer.ts";

/** Why something was left out: there was a no, or not the yes that is needed. */
export type DropReason = "refused" | "not-given";

const NAMES: readonly string[] = [...FEATURES.families.map(({ name }) => name), "all"];
const ALL = NAMES.length - 1;
const REASONS: readonly DropReason[] = ["refused", "not-given"];

/**
 * What was left out of behaviours for want of consent, and taken back later, by purpose. A purpose has its counters, one for each
 * family and reason, from its first count on, so that an event allocates nothing.
 */
export class WithheldCounts {
  readonly #withheld = new Map<string, Float64Array>();
  readonly #withdrawals = new Map<string, number>();

  /** Counts an event that a family of features did not see. @param family - Its number in the feature schema. */
  family(purpose: string, family: number, reason: DropReason): void {
    const counts = this.#of(purpose);
    const at = family * REASONS.length + (reason === "refused" ? 0 : 1);
    counts[at] = counts[at]! + 1;
  }

  /** Counts a behaviour of which nothing was taken in. */
  whole(purpose: string, reason: DropReason): void {
    this.family(purpose, ALL, reason);
  }

  /** Counts a purpose that was refused by somebody of whom something was held for it. */
  takenBack(purpose: string): void {
    this.#withdrawals.set(purpose, (this.#withdrawals.get(purpose) ?? 0) + 1);
  }

  figures(): WithheldFigures {
    const withheld: Record<string, number> = {};
    for (const [purpose, counts] of this.#withheld)
      for (const [at, count] of counts.entries())
        if (count > 0)
          withheld[`${purpose}.${NAMES[Math.floor(at / REASONS.length)]}.${REASONS[at % REASONS.length]}`] =
            count;
    return { withheld, withdrawals: Object.fromEntries(this.#withdrawals) };
  }

  /** These counts as they are now: whoever counts on here leaves it as it is. */
  copy(): WithheldCounts {
    const copied = new WithheldCounts();
    copied.goBackTo(this);
    return copied;
  }

  /** Comes to the counts of an earlier {@link copy}. */
  goBackTo(earlier: WithheldCounts): void {
    this.#withheld.clear();
    this.#withdrawals.clear();
    for (const [purpose, counts] of earlier.#withheld) this.#withheld.set(purpose, counts.slice());
    for (const [purpose, count] of earlier.#withdrawals) this.#withdrawals.set(purpose, count);
  }

  #of(purpose: string): Float64Array {
    const held = this.#withheld.get(purpose);
    if (held !== undefined) return held;
    const fresh = new Float64Array(NAMES.length * REASONS.length);
    this.#withheld.set(purpose, fresh);
    return fresh;
  }
}

/** Adds up what several copies tell; those of older nodes tell nothing. */
export function sumOfWithheld(all: readonly (WithheldFigures | undefined)[]): WithheldFigures {
  const withheld: Record<string, number> = {};
  const withdrawals: Record<string, number> = {};
  for (const figures of all) {
    addTo(withheld, figures?.withheld);
    addTo(withdrawals, figures?.withdrawals);
  }
  return { withheld, withdrawals };
}

function addTo(sums: Record<string, number>, counts: Readonly<Record<string, number>> = {}): void {
  for (const [of, count] of Object.entries(counts)) sums[of] = (sums[of] ?? 0) + count;
}
