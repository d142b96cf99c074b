import type { Behaviour } from "../events/log-entry.ts";
import type { ConsentRules } from "../privacy/consent/consent-rules.ts";
import { INPUTS, withoutInputs } from "../privacy/consent/event-inputs.ts";
import { jurisdictionOf } from "../privacy/consent/jurisdiction.ts";
import { type Context, NO_ENTRIES, withEntry } from "./context.ts";
import { rebuild } from "./embed-context.ts";
import type { Outcome } from "./outcome.ts";
import type { ShardState } from "./shard-state.ts";

/** Answers kept of purposes that the policy does not know: a later one may. */
const OTHER_ANSWERS_MAX = 64;

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
  if (consent.isCounted(refused)) context.exposures = NO_ENTRIES;
  if (consent.isPersonal(refused)) return withdrawAll(shard, context, outcome);
  const { families, inputs, touched } = consent.forgotten(refused);
  if ((families | inputs) === 0) return false;
  if ((inputs & INPUTS.context.bit) !== 0) context.arrival = undefined; // It knows more fields than features do.
  const { written, hasChanged } = recent.rewrite(
    context,
    (event) => withoutInputs(event, inputs),
    shard.batch,
  );
  if (!hasChanged && (context.mask & families) === 0) return false;
  outcome.ring.push(...written);
  features.forgetSparse(context, families | touched);
  if (touched !== 0)
    for (const event of recent.events(context)) features.foldSparse(context, event, ~touched);
  if (inputs !== 0) rebuild(shard, context);
  shard.shadows.forget(context.user);
  return true;
}

/** What is left is that somebody refused, who they are if they said so, and the ids of events that must not count again. */
function withdrawAll(shard: ShardState, context: Context, outcome: Outcome): boolean {
  const hadAny = context.events > 0;
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
