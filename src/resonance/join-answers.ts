import { Buffer } from "node:buffer";
import type { ContentType } from "../events/decode-request.ts";
import { encode } from "../kernel/msgpack.ts";

/** A map of one field whose value is an array, up to that array's length. */
const MSGPACK_HEAD = Buffer.concat([Uint8Array.of(0x81), encode("answers"), Uint8Array.of(0xdd, 0, 0, 0, 0)]);
const COMMA = Buffer.from(",");

/** `{answers: […]}` from answers that are written already. */
export function joinAnswers(answers: readonly Uint8Array[], type: ContentType): Uint8Array {
  if (type === "application/json") {
    const parts = answers.flatMap((answer, i) => (i === 0 ? [answer] : [COMMA, answer]));
    return Buffer.concat([Buffer.from('{"answers":['), ...parts, Buffer.from("]}")]);
  }
  const head = Buffer.from(MSGPACK_HEAD);
  head.writeUInt32BE(answers.length, head.length - 4);
  return Buffer.concat([head, ...answers]);
}
