import type { Behaviour } from "../events/log-entry.ts";
import { FEATURES } from "../features/all-families.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import type { Restrictions } from "../privacy/consent/consent-rules.ts";
import { INPUTS, type Input, SEEN_BY_INPUTS, withoutInputs } from "../privacy/consent/event-inputs.ts";
import type { DropReason } from "../privacy/consent/withheld-counts.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

type Counting = Pick<ShardState, "counters" | "withheld">;

const INPUT_NAMES = Object.keys(INPUTS) as Input[];
/** By bit of an input: the bit of the family that answers for it. */
const OWNERS: ReadonlyMap<number, number> = new Map(
  INPUT_NAMES.map((input) => {
    const { bit, owner } = INPUTS[input];
    return [bit, 1 << FEATURES.families.findIndex(({ name }) => name === owner)] as const;
  }),
);
/** Families that see something in every event: its time and type. */
const SEE_EVERYTHING = FEATURES.families.reduce(
  (mask, { name }, f) => (SEEN_BY_INPUTS.includes(name) ? mask : mask | (1 << f)),
  0,
);

/** The families that answer for inputs. @param inputs - Bits of {@link INPUTS}. @returns A mask in the schema's order. */
export function ownersOf(inputs: number): number {
  let owners = 0;
  for (let left = inputs; left !== 0; left &= left - 1) owners |= OWNERS.get(left & -left) ?? 0;
  return owners;
}

/** Takes out of an event what its user's consent does not cover, in place, and counts what that was. */
export function withhold(
  shard: Counting,
  { consents }: Pick<Context, "consents">,
  event: FeatureEvent,
  { families, inputs, purposes }: Restrictions,
): void {
  const had = inputs === 0 ? 0 : withoutInputs(event, inputs);
  const unseen = (families & SEE_EVERYTHING) | ownersOf(had);
  if (unseen === 0) return; // Most events.
  shard.counters.withheld++;
  for (let f = 0; f < FEATURES.families.length; f++) {
    if ((unseen & (1 << f)) === 0) continue;
    const purpose = purposes.get(FEATURES.families[f]!.name) ?? "personalisation";
    shard.withheld.family(purpose, f, reasonOf(consents, purpose));
  }
}

/** Counts a behaviour of which nothing is taken in for want of consent to a purpose. */
export function withholdWhole(
  shard: Counting,
  { consents }: Pick<Context, "consents">,
  purpose: string,
): void {
  shard.counters.withheld++;
  shard.withheld.whole(purpose, reasonOf(consents, purpose));
}

/** Whether a behaviour tells more than what its user answered, or that they have identified themselves. */
export function tellsMore({ feedback, traits, segments }: Behaviour, isAct: boolean): boolean {
  return isAct || feedback !== undefined || traits !== undefined || segments !== undefined;
}

function reasonOf(consents: ReadonlyMap<string, boolean>, purpose: string): DropReason {
  return consents.get(purpose) === false ? "refused" : "not-given";
}
