import { jurisdictionOf, UNKNOWN_JURISDICTION } from "../privacy/consent/jurisdiction.ts";
import type { RequestContext } from "../resonance/score-request.ts";
import type { ConsentInForce } from "./consent-policy.ts";

/**
 * Whether how somebody comes may have a part in their answer: not where a yes is needed first, since the gateway does not know
 * whether they gave it.
 */
export function mayTell(
  { rules }: ConsentInForce,
  context: RequestContext | undefined,
): context is RequestContext {
  if (context === undefined) return false;
  const where = jurisdictionOf(context) ?? UNKNOWN_JURISDICTION;
  return rules.isPersonal(rules.allowedIn(undefined, where));
}
