import { Buffer } from "node:buffer";
import { type ContentType, encodeReply } from "../events/decode-request.ts";
import { decode } from "../kernel/msgpack.ts";

/**
 * An answer with more fields. What a shard wrote in JSON stays as it was written.
 *
 * @param answer - An object with a field at least, of that type.
 * @param fields - One at least.
 */
export function extendAnswer(
  answer: Uint8Array,
  fields: Readonly<Record<string, unknown>>,
  type: ContentType,
): Uint8Array {
  if (type === "application/msgpack") return encodeReply({ ...(decode(answer) as object), ...fields }, type);
  const tail = Buffer.from(`,${JSON.stringify(fields).slice(1)}`);
  return Buffer.concat([answer.subarray(0, answer.length - 1), tail]);
}
