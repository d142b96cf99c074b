/** What a consumer tells of a message that it delivers. */
export type Place = Readonly<{
  /** Of the stream. */
  sequence: number;
  /** Of the consumer, from 1 without gaps: a gap is a delivery that got lost. */
  delivery: number;
  storedAtMs: number;
  /** Messages that the consumer has not delivered yet. */
  pending: number;
}>;

/**
 * Reads a delivery's place off its reply subject: `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<delivery>.<ns>.<pending>`,
 * with domain and account before the stream on servers that have a domain. Undefined for a status message.
 */
export function placeOf(reply: string | undefined): Place | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const words = reply.split(".");
  const base = words.length > 9 ? 7 : 5;
  return {
    sequence: Number(words[base]),
    delivery: Number(words[base + 1]),
    storedAtMs: Number(words[base + 2]?.slice(0, -6)), // Nanoseconds as digits: too many for a number.
    pending: Number(words[base + 3]),
  };
}
