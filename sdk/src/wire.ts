import type { Msg } from "@nats-io/transport-node";
import { Unpackr } from "msgpackr";
import { ResonanceError } from "./resonance-error.ts";

export const MSGPACK = "application/msgpack";
const ERROR_HEADER = "Nats-Service-Error";
const ERROR_CODE_HEADER = "Nats-Service-Error-Code";

const decoder = new TextDecoder();
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: "number",
  copyBuffers: true,
});

/**
 * What a message says; JSON, unless its header names MessagePack.
 *
 * @throws ResonanceError what the engine answered, or `BAD_REPLY` if it is no answer of an engine.
 */
export function readReply(message: Msg): unknown {
  const { data, headers } = message;
  if (headers === undefined) return decoded(data, "");
  const type = headers.get("Content-Type");
  if (headers.has(ERROR_CODE_HEADER)) throw errorIn(message, type);
  return decoded(data, type);
}

function decoded(data: Uint8Array, type: string): unknown {
  try {
    return type === MSGPACK ? unpackr.unpack(data) : JSON.parse(decoder.decode(data));
  } catch (cause) {
    const message = "the reply is neither JSON nor MessagePack: something else answers under this prefix";
    throw new ResonanceError({ code: "BAD_REPLY", message, retryable: false, cause });
  }
}

function errorIn({ data, headers }: Msg, type: string): ResonanceError {
  try {
    const body = decoded(data, type) as Partial<ResonanceError>;
    const { code, message, retryable, detail } = body;
    if (typeof code === "string" && typeof message === "string" && typeof retryable === "boolean")
      return new ResonanceError({ code, message, retryable, ...(detail === undefined ? {} : { detail }) });
  } catch {
    // Another service's body: its headers tell enough.
  }
  const status = headers?.get(ERROR_CODE_HEADER) ?? "";
  const message = `${status} ${headers?.get(ERROR_HEADER)}`;
  return new ResonanceError({ code: "SERVICE_ERROR", message, retryable: Number(status) >= 500 });
}
