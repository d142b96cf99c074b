import type { ApiError } from "@nats-io/jetstream";

/** What every acknowledgement of a stored message begins with; a refusal begins with its error. */
const STORED = new TextEncoder().encode('{"stream":"');
const QUOTE = 0x22;
const ZERO = 0x30;

/**
 * The sequence that a stream acknowledges, or why it refused. A stream's answer is read byte by byte, since one comes
 * for every message; what does not look like one goes the long way.
 */
export function readPublishAck(data: Uint8Array): number | ApiError {
  return sequenceIn(data) ?? parsed(data);
}

/** Reads `{"stream":"NAME", "seq":12`, whatever follows. */
function sequenceIn(data: Uint8Array): number | undefined {
  for (let i = 0; i < STORED.length; i++) if (data[i] !== STORED[i]) return undefined;
  const end = data.indexOf(QUOTE, STORED.length); // A stream's name has no quotes.
  let at = data.indexOf(ZERO + 10, end + 1); // The colon behind "seq".
  if (end < 0 || at < 0 || !isSeq(data, at)) return undefined;
  let sequence = 0;
  let digits = 0;
  while (isDigit(data[++at])) {
    sequence = sequence * 10 + ((data[at] ?? 0) - ZERO);
    digits++;
  }
  return digits > 0 && sequence > 0 ? sequence : undefined;
}

function isSeq(data: Uint8Array, colon: number): boolean {
  return (
    data[colon - 5] === QUOTE &&
    data[colon - 4] === 0x73 &&
    data[colon - 3] === 0x65 &&
    data[colon - 2] === 0x71 &&
    data[colon - 1] === QUOTE
  );
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

function parsed(data: Uint8Array): number | ApiError {
  try {
    const answer = JSON.parse(new TextDecoder().decode(data)) as { seq?: unknown; error?: ApiError };
    if (answer.error !== undefined) return answer.error;
    if (typeof answer.seq === "number" && answer.seq > 0) return answer.seq;
  } catch {
    // Told below.
  }
  return { code: 500, err_code: 0, description: "the stream's answer can't be read" };
}
