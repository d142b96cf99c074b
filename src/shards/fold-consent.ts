import type { Behaviour } from "../events/log-entry.ts";
import { FEATURES } from "../features/all-families.ts";
import type { ConsentRules, Restrictions } from "../privacy/consent/consent-rules.ts";
import { INPUTS, withoutInputs } from "../privacy/consent/event-inputs.ts";
import { jurisdictionOf } from "../privacy/consent/jurisdiction.ts";
import { type Context, NO_ENTRIES, withEntry } from "./context.ts";
import { rebuild } from "./embed-context.ts";
import type { Outcome } from "./outcome.ts";
import type { ShardState } from "./shard-state.ts";
import { ownersOf } from "./withhold.ts";

/** Answers kept of purposes that the policy does not know: a later one may. */
const OTHER_ANSWERS_MAX = 64;
const ANALYTICS: ReadonlySet<string> = new Set(["analytics"]);

/**
 * Remembers where a user is and what they answered.
 *
 * @returns Bits of the purposes that they refuse from here on.
 */
export function learnAnswers(
  rules: ConsentRules,
  context: Pick<Context, "consents" | "where">,
  behaviour: Pick<Behaviour, "consent" | "context">,
): number {
  const where = jurisdictionOf(behaviour.context);
  const { country, region } = context.where;
  if (where !== undefined && (where.country !== country || where.region !== region)) context.where = where;
  if (behaviour.consent === undefined) return 0;
  let refused = 0;
  for (const [purpose, consented] of Object.entries(behaviour.consent)) {
    const bit = rules.bitOf(purpose);
    if (!consented && context.consents.get(purpose) !== false) refused |= bit;
    const hasRoom = bit !== 0 || context.consents.has(purpose) || context.consents.size < OTHER_ANSWERS_MAX;
    if (hasRoom) context.consents = withEntry(context.consents, purpose, consented);
  }
  return refused;
}

/**
 * Takes all that was held for purposes out of a context: it comes to what it would be if the user's events had never had any of
 * it, as far as the ring of recent events reaches. What is older can't be told apart from the rest any more, so of whatever
 * has read what is refused nothing older is left.
 *
 * @param refused - Bits of purposes. The encoder's state in the context must be of the one in force.
 * @returns Whether anything changed that an embedding is made of.
 */
export function withdraw(shard: ShardState, context: Context, refused: number, outcome: Outcome): boolean {
  const { consent, features, recent } = shard;
  if (consent.isCounted(refused)) {
    if (context.exposures.size > 0) countTakenBack(shard, ANALYTICS);
    context.exposures = NO_ENTRIES;
  }
  const restrictions = consent.forgotten(refused);
  if (consent.isPersonal(refused)) return withdrawAll(shard, context, restrictions, outcome);
  const { families, inputs, touched } = restrictions;
  if ((families | inputs) === 0) return false;
  let had = 0;
  if ((inputs & INPUTS.context.bit) !== 0) context.arrival = undefined; // It knows more fields than features do.
  const { written, hasChanged } = recent.rewrite(
    context,
    (event) => {
      const its = withoutInputs(event, inputs);
      had |= its;
      return its !== 0;
    },
    shard.batch,
  );
  if (!hasChanged && (context.mask & families) === 0) return false;
  countTakenBack(shard, purposesOf(restrictions, (context.mask & families) | ownersOf(had)));
  outcome.ring.push(...written);
  features.forgetSparse(context, families | touched);
  if (touched !== 0)
    for (const event of recent.events(context)) features.foldSparse(context, event, ~touched);
  if (inputs !== 0) rebuild(shard, context);
  shard.shadows.forget(context.user);
  return true;
}

/** What is left is that somebody refused, who they are if they said so, and the ids of events that must not count again. */
function withdrawAll(
  shard: ShardState,
  context: Context,
  restrictions: Restrictions,
  outcome: Outcome,
): boolean {
  const hadAny = context.events > 0;
  const { labels, traits, feedback } = context;
  const held = purposesOf(restrictions, context.mask & restrictions.families);
  if (hadAny || labels.size + traits.size > 0 || feedback !== undefined) held.add("personalisation");
  countTakenBack(shard, held);
  outcome.ring.push(...shard.recent.empty(context, shard.batch));
  shard.features.forgetSparse(context, context.mask);
  context.events = 0;
  context.arrival = undefined;
  context.sampleBucket = -1;
  context.bucketEvents = 0;
  context.labels = NO_ENTRIES;
  context.traits = NO_ENTRIES;
  context.feedback = undefined;
  rebuild(shard, context);
  shard.shadows.forget(context.user);
  return hadAny;
}

function countTakenBack({ counters, withheld }: ShardState, purposes: ReadonlySet<string>): void {
  counters.withdrawals += purposes.size;
  for (const purpose of purposes) withheld.takenBack(purpose);
}

/** Purposes that families of a mask are missing. */
function purposesOf({ purposes }: Restrictions, families: number): Set<string> {
  const named = FEATURES.families.filter((_, f) => (families & (1 << f)) !== 0);
  return new Set(named.flatMap(({ name }) => purposes.get(name) ?? []));
}
