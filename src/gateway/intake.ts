import type { Producer } from "../actors/bus.ts";
import { LIMITS } from "../events/limits.ts";
import type { Refusal } from "../events/refusal.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { EventRefusal, IngestReply } from "./ingest.ts";

/** Where events go that came in the words of another interface. */
export type Intake = Readonly<{
  /** Takes at most `LIMITS.requestEvents` events, as `ingest` does. @throws EngineError as `ingest` throws. */
  take(events: readonly unknown[], producer: Producer | undefined): Promise<IngestReply>;
  /** Counts an item of which no event was made. */
  refused(code: string): void;
}>;

/** What became of one item of a request: the events that it says, or why it says none. */
export type ReadItem = Readonly<{ kind: "events"; events: readonly unknown[] }> | Refusal;

/** What became of all: an item is taken if each of its events was. */
export type TakenItems = Readonly<{ accepted: number; refused: readonly EventRefusal[] }>;

/** Refusals that say "not now" rather than "not this". That a user sends too much is none: it is their limit, not the sender's. */
const NOT_NOW: ReadonlySet<string> = new Set(["LOG_UNAVAILABLE", "OVERLOADED", "INTERNAL"]);

/**
 * Takes what the items of a request say. Senders of other interfaces read the status alone, and send all of a request again or nothing: so if any
 * event has to come again, all have to. What was stored already is recognised by its id then.
 *
 * @throws EngineError what `ingest` throws, or a retryable one with the code of the first event that has to come again.
 */
export async function takeItems(
  intake: Intake,
  items: readonly ReadItem[],
  producer: Producer | undefined,
): Promise<TakenItems> {
  const refused = new Map<number, EventRefusal>();
  const events: unknown[] = [];
  const itemOf: number[] = [];
  for (const [index, item] of items.entries()) {
    if (item.kind === "refused") {
      intake.refused(item.code);
      refused.set(index, { index, code: item.code, message: item.message });
      continue;
    }
    for (const event of item.events) {
      events.push(event);
      itemOf.push(index);
    }
  }
  for (let from = 0; from < events.length; from += LIMITS.requestEvents) {
    const reply = await intake.take(events.slice(from, from + LIMITS.requestEvents), producer);
    for (const refusal of reply.refused) {
      if (NOT_NOW.has(refusal.code)) throw notNow(refusal);
      const index = itemOf[from + refusal.index] ?? 0;
      if (!refused.has(index)) refused.set(index, { ...refusal, index });
    }
  }
  const inOrder = [...refused.values()].sort((a, b) => a.index - b.index);
  return { accepted: items.length - refused.size, refused: inOrder };
}

function notNow({ code, message, retryAfterMs }: EventRefusal): EngineError {
  const detail = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new EngineError({ code, message, retryable: true, detail });
}
