/** What a consumer tells of a message that it delivers. */
export type Place = {
  /** Of the stream. */
  sequence: number;
  /** Of the consumer, from 1 without gaps: a gap is a delivery that got lost. */
  delivery: number;
  storedAtMs: number;
  /** Messages that the consumer has not delivered yet. */
  pending: number;
};

const PREFIX = "$JS.ACK.";
/** Words of a reply subject where no domain and account come before the stream. */
const WORDS_PLAIN = 9;
const NANOSECOND_DIGITS = 6;
const DOT = 46;
const ZERO = 48;

/** Where the dots of a reply are: one for all, since a reader looks at one message after the other. */
const dots = new Int32Array(16);

/**
 * Reads a delivery's place off its reply subject: `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<delivery>.<ns>.<pending>`,
 * with domain and account before the stream, and maybe a word at the end, on servers that have a domain.
 *
 * @param into - Is written to: a message costs no object.
 * @returns `into`; undefined for a status message.
 */
export function placeOf(reply: string | undefined, into: Place): Place | undefined {
  if (reply === undefined || !reply.startsWith(PREFIX)) return undefined;
  let words = 1;
  for (let i = 0; i < reply.length && words < dots.length; i++) {
    if (reply.charCodeAt(i) === DOT) dots[words++] = i;
  }
  dots[words] = reply.length;
  if (words < WORDS_PLAIN) return undefined;
  const first = words > WORDS_PLAIN ? 7 : 5;
  into.sequence = numberAt(reply, first, 0);
  into.delivery = numberAt(reply, first + 1, 0);
  into.storedAtMs = numberAt(reply, first + 2, NANOSECOND_DIGITS);
  into.pending = numberAt(reply, first + 3, 0);
  return into;
}

/** The number that a word is, without some digits at its end. */
function numberAt(reply: string, word: number, without: number): number {
  const end = dots[word + 1]! - without;
  let number = 0;
  for (let i = dots[word]! + 1; i < end; i++) number = number * 10 + (reply.charCodeAt(i) - ZERO);
  return number;
}
