import type { Context } from "./context.ts";

/** Whether a user's samples count in the profiles: who they are is known, and they did not refuse to be personalised for. */
export function mayBeMember({
  authenticated,
  consents,
}: Pick<Context, "authenticated" | "consents">): boolean {
  return authenticated && consents.get("personalisation") !== false;
}
