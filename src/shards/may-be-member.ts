import { allowedOf } from "./allowed-of.ts";
import type { Context } from "./context.ts";
import type { ShardState } from "./shard-state.ts";

/**
 * Whether a user's samples count in the profiles: who they are is known, and they may be personalised for.
 *
 * @param allowed - What is allowed of them, if the caller knows it.
 */
export function mayBeMember(
  shard: Pick<ShardState, "consent">,
  context: Context,
  allowed = allowedOf(shard, context),
): boolean {
  return context.authenticated && shard.consent.isPersonal(allowed);
}
