import { DEFAULT_CATEGORIES } from "../../../src/gateway/segment-api/message-consent.ts";
import { type MessageFrame, messageEvents } from "../../../src/gateway/segment-api/message-events.ts";
import { NOW_MS } from "../gateway-world.ts";

/** What batches leave to their messages. */
export function aFrame(given: Partial<MessageFrame> = {}): MessageFrame {
  const nothing = { sentAt: undefined, context: undefined, integrations: undefined };
  return { ...nothing, categories: DEFAULT_CATEGORIES, nowMs: NOW_MS, ...given };
}

/** A message as a client sends it. */
export function aMessage(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { type: "track", event: "Signed Up", messageId: "m1", userId: "ada", ...given };
}

/** The events that a message says, without fields that are left out. */
export function eventsOf(
  message: unknown,
  frame: Partial<MessageFrame> = {},
): readonly Readonly<Record<string, unknown>>[] {
  const read = messageEvents(message, aFrame(frame));
  if (read.kind === "refused") throw new Error(`${read.code}: ${read.message}`);
  return JSON.parse(JSON.stringify(read.events)) as Readonly<Record<string, unknown>>[];
}

/** The code with which a message is refused; undefined if it is not. */
export function codeOf(message: unknown, frame: Partial<MessageFrame> = {}): string | undefined {
  const read = messageEvents(message, aFrame(frame));
  return read.kind === "refused" ? read.code : undefined;
}
