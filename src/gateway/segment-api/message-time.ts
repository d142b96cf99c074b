import { isoTimeMs } from "../../events/iso-time.ts";
import type { Fields } from "./read-value.ts";

/**
 * When a message happened, by the receiver's clock: the sender's clock is as wrong about the event as it is about the sending,
 * so `timestamp - sentAt + receivedAt` is right. What was received by somebody before, as messages of an export were, is corrected already.
 *
 * @param sentAt - Of the message or its batch.
 * @param nowMs - When it was received, epoch ms.
 * @returns Epoch ms; NaN for what is no time, which is refused later with all that is wrong with times.
 * @see Segment, Spec: Common Fields, "Timestamps".
 */
export function messageTime(message: Fields, sentAt: unknown, nowMs: number): number {
  const given = message["timestamp"] ?? message["originalTimestamp"];
  if (given === undefined || given === null) return nowMs;
  const givenMs = timeMs(given);
  const sentMs = timeMs(sentAt);
  const isCorrected = message["receivedAt"] !== undefined || !Number.isFinite(sentMs);
  return isCorrected ? givenMs : givenMs + nowMs - sentMs;
}

function timeMs(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" ? isoTimeMs(value) : Number.NaN;
}
