import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/** What is allowed of a user, as {@link import("../privacy/consent/consent-rules.ts").ConsentRules} tells it. */
export function allowedOf({ consent }: Pick<ShardState, "consent">, { consents, where }: Context): number {
  return consent.allowed(consents, where);
}

/** Whether a user may be personalised for; if not, they are answered as somebody of whom nothing is held. */
export function mayBeKnown(shard: Pick<ShardState, "consent">, context: Context): boolean {
  return shard.consent.isPersonal(allowedOf(shard, context));
}
