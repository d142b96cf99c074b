import type { TrackingEventDetails } from "@openfeature/server-sdk";
import type { ResonanceEvent } from "../event.ts";

/** What the engine takes as the outcome of a content that it has chosen. */
const FEEDBACK = ["impression", "click", "purchase", "dismiss"];
const TEXTS = ["id", "item", "query", "text", "currency", "peer", "decision"] as const;

/** Whether something tracked under this name tells what became of a content. */
export function isFeedback(name: string): boolean {
  return FEEDBACK.includes(name);
}

/** What was tracked as an event: fields of events are taken over, all others are the application's own. */
export function trackedEvent(name: string, user: string, details: TrackingEventDetails): ResonanceEvent {
  const fields: Record<string, unknown> = {};
  for (const field of TEXTS) if (typeof details[field] === "string") fields[field] = details[field];
  const { value, ts, categories } = details;
  if (typeof value === "number") fields["value"] = value;
  if (typeof ts === "number" || typeof ts === "string" || ts instanceof Date) fields["ts"] = ts;
  if (Array.isArray(categories)) fields["categories"] = categories;
  return { ...fields, user, type: name };
}
