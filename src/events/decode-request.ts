import { Packr } from "msgpackr";
import { withoutQuotes } from "../kernel/without-quotes.ts";
import { checkMsgpack } from "./check-msgpack.ts";
import { LIMITS } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** How a request or reply is written. */
export type ContentType = "application/json" | "application/msgpack";

const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });
const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** The content type that a header names; JSON if it names none. Parameters such as a charset are passed over. */
export function contentTypeOf(header: string): ContentType | Refusal {
  const type = header.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "" || type === "application/json") return "application/json";
  if (type === "application/msgpack" || type === "application/x-msgpack") return "application/msgpack";
  return refuse("UNSUPPORTED_CONTENT_TYPE", "send application/json or application/msgpack");
}

/**
 * The plain value in a request's bytes. It never throws, whatever the bytes are. An empty request is `{}`.
 *
 * JSON may be nested to any depth: its parser does not recurse, and a batch is not lost with one event that is too
 * deep, which no field takes. The decoder of MessagePack does recurse, so that depth has a limit.
 */
export function decodeRequest(
  data: Uint8Array,
  type: ContentType,
): Readonly<{ kind: "value"; value: unknown }> | Refusal {
  if (data.length === 0) return { kind: "value", value: {} };
  if (data.length > LIMITS.requestBytes)
    return refuse("TOO_LARGE", `a request may have ${LIMITS.requestBytes} bytes at most: split it`);
  return type === "application/json" ? decodeJson(data) : decodeMsgpack(data);
}

/** A reply in the content type of its request. */
export function encodeReply(value: unknown, type: ContentType): Uint8Array {
  return type === "application/json" ? encoder.encode(JSON.stringify(value)) : packr.pack(value);
}

function decodeJson(data: Uint8Array): Readonly<{ kind: "value"; value: unknown }> | Refusal {
  let text: string;
  try {
    text = utf8.decode(data);
  } catch {
    return refuse("MALFORMED_JSON", "the request is not UTF-8");
  }
  try {
    return { kind: "value", value: JSON.parse(text) };
  } catch (thrown) {
    return refuse("MALFORMED_JSON", `the request is not JSON${placeIn(thrown)}`);
  }
}

/** The place that a parser's message names; its other words repeat what was sent. */
function placeIn(thrown: unknown): string {
  const place = /at position (\d+)/.exec(String(thrown))?.[1];
  return place === undefined ? "" : `: see position ${place}`;
}

function decodeMsgpack(data: Uint8Array): Readonly<{ kind: "value"; value: unknown }> | Refusal {
  const refusal = checkMsgpack(data);
  if (refusal !== undefined) return refusal;
  try {
    return { kind: "value", value: packr.unpack(data) };
  } catch (thrown) {
    return refuse("MALFORMED_MSGPACK", `the request is not MessagePack: ${withoutQuotes(thrown)}`);
  }
}
