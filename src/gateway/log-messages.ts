import type { Append } from "../actors/log.ts";
import { encodeBehaviours } from "../events/log-codec.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { sha256Hex } from "../kernel/hash.ts";

/** The behaviours of one request that go to one shard, as messages of its log: they lie together. */
export function logMessages(behaviours: readonly Behaviour[], traceparent?: string): Append[] {
  return encodeBehaviours(behaviours).map((bundle) => ({
    id: messageId(bundle.behaviours),
    data: bundle.data,
    ...(traceparent === undefined ? {} : { traceparent }),
  }));
}

/**
 * What the log recognises a repeat by, for a while: the same events, of a request that is sent again. The fold
 * recognises each event for good. Ids hold no control characters, so two events never share one, and the brackets
 * keep a header from losing the blanks at the ends of an id.
 */
function messageId(behaviours: readonly Behaviour[]): string {
  const ids = behaviours.map(({ user, id }) => `<${user}\u001f${id}>`);
  return ids.length === 1 ? (ids[0] ?? "") : sha256Hex(ids.join(""));
}
