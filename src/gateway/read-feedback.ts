import type { ContentCatalogue } from "../content/catalogue.ts";
import type { Event } from "../events/event.ts";
import type { Feedback } from "../events/log-entry.ts";
import { type Refusal, refuse } from "../events/refusal.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { Decision, DecisionIds } from "../resonance/decision-id.ts";

/** What an event says of its decision: nothing, of one that chose no content. */
export type ReadFeedback = Readonly<{ kind: "read"; feedback?: Feedback }> | Refusal;

const NO_FEEDBACK: ReadFeedback = { kind: "read" };

/**
 * Reads what an event's decision had chosen. Whoever sends an id that this deployment did not give, or one that was given
 * for somebody else, is told: what an event says of a choice must be of the user who was shown it.
 *
 * @param catalogueOf - The catalogue of a version; undefined if there is none.
 * @returns Refusal `BAD_DECISION`.
 */
export async function readFeedback(
  event: Event & { readonly decision: string },
  decisions: Pick<DecisionIds, "read">,
  catalogueOf: (version: number) => ContentCatalogue | Promise<ContentCatalogue | undefined>,
): Promise<ReadFeedback> {
  let decision: Decision;
  try {
    decision = decisions.read(event.decision);
  } catch (thrown) {
    if (thrown instanceof EngineError) return refuse("BAD_DECISION", `decision: ${thrown.message}`);
    throw thrown;
  }
  const { chosen, atMs: chosenMs } = decision;
  if (chosen?.content === undefined) return NO_FEEDBACK;
  if (!decision.isOf(event.user))
    return refuse(
      "BAD_DECISION",
      "decision: it was made for another user: send the id of this user's answer",
    );
  const catalogue = await catalogueOf(chosen.catalogue);
  const placement = catalogue?.placements[chosen.placement];
  const content = catalogue?.contents[chosen.content];
  if (placement === undefined || content === undefined)
    return refuse("BAD_DECISION", `decision: catalogue ${chosen.catalogue} is not held any more`);
  const { propensity } = chosen;
  const feedback = {
    placement: placement.name,
    map: placement.map,
    content: content.id,
    chosenMs,
    propensity,
  };
  return { kind: "read", feedback };
}
