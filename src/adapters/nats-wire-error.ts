import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { BusReply, Producer } from "../actors/bus.ts";
import type { WireError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import { SIGNATURE_HEADER } from "./request-signature.ts";

/** The content type whose bodies are MessagePack; all others are JSON. */
export const MSGPACK = "application/msgpack";
const JSON_TYPE = "application/json";
const CONTENT_TYPE = "Content-Type";
const PRODUCER = "Resonance-Producer";
/** More of a name is not told apart. */
const PRODUCER_CHARS = 59;
const ERROR_HEADER = "Nats-Service-Error";
const ERROR_CODE_HEADER = "Nats-Service-Error-Code";
const MSGPACK_HEADER = constantHeader(MSGPACK);

/**
 * A reply as it goes over NATS. JSON is the default and needs no header. A failure also gets the headers of NATS micro
 * services, so that any of their clients sees one; the number in them is an HTTP status, the engine's own code is in
 * the body.
 */
export function replyToMessage(reply: BusReply): Readonly<{ data: Uint8Array; headers?: MsgHdrs }> {
  const { contentType, data, error } = reply;
  if (error === undefined) {
    if (contentType === JSON_TYPE || contentType === "") return { data };
    return { data, headers: headerOf(contentType) };
  }
  const header = headers();
  const errorType = contentType === MSGPACK ? MSGPACK : JSON_TYPE;
  header.set(CONTENT_TYPE, errorType);
  header.set(ERROR_CODE_HEADER, String(statusOf(error)));
  header.set(ERROR_HEADER, `${error.code}: ${error.message}`.replaceAll(/\s+/g, " ").slice(0, 512));
  return { data: encodeError(error, errorType), headers: header };
}

/** The reply that a message was made from, of this engine or of any NATS micro service. */
export function messageToReply(data: Uint8Array, header: MsgHdrs | undefined): BusReply {
  if (header === undefined) return { data, contentType: JSON_TYPE };
  const contentType = header.get(CONTENT_TYPE);
  if (!header.has(ERROR_CODE_HEADER)) return { data, contentType };
  const error = decodeError(data, contentType) ?? {
    code: "SERVICE_ERROR",
    message: `${header.get(ERROR_CODE_HEADER)} ${header.get(ERROR_HEADER)}`,
    retryable: Number(header.get(ERROR_CODE_HEADER)) >= 500,
  };
  return { data, contentType, error };
}

/** The headers of a request; none if its content type is the default and it is not signed. */
export function requestHeaders(contentType: string | undefined, signature?: string): { headers?: MsgHdrs } {
  if (signature !== undefined) {
    const header = headers();
    if (contentType !== undefined && contentType !== "") header.set(CONTENT_TYPE, contentType);
    header.set(SIGNATURE_HEADER, signature);
    return { headers: header };
  }
  return contentType === undefined || contentType === "" ? {} : { headers: headerOf(contentType) };
}

/** The content type that a message names; empty if none. */
export function contentTypeOf(header: MsgHdrs | undefined): string {
  return header?.get(CONTENT_TYPE) ?? "";
}

/** The signature that a message carries; empty if none. */
export function signatureOf(header: MsgHdrs | undefined): string {
  return header?.get(SIGNATURE_HEADER) ?? "";
}

/** Who sends a message, as it says itself; undefined if it does not. */
export function producerOf(header: MsgHdrs | undefined): Producer | undefined {
  const name = header?.get(PRODUCER);
  return name === undefined || name === "" ? undefined : { name: `nats ${name.slice(0, PRODUCER_CHARS)}` };
}

/** Only a content type: the client writes a header anew for each message, so that of MessagePack is kept as bytes. */
function headerOf(contentType: string): MsgHdrs {
  if (contentType === MSGPACK) return MSGPACK_HEADER;
  const header = headers();
  header.set(CONTENT_TYPE, contentType);
  return header;
}

function constantHeader(contentType: string): MsgHdrs {
  const header = headers() as MsgHdrs & { encode(): Uint8Array };
  header.set(CONTENT_TYPE, contentType);
  const bytes = header.encode();
  header.encode = () => bytes; // What the client asks a header for as it publishes.
  return header;
}

function statusOf(error: WireError): number {
  if (error.code === "INTERNAL") return 500;
  return error.retryable ? 503 : 400;
}

function encodeError(error: WireError, contentType: string): Uint8Array {
  return contentType === MSGPACK ? encode(error) : new TextEncoder().encode(JSON.stringify(error));
}

function decodeError(data: Uint8Array, contentType: string): WireError | undefined {
  try {
    const body: unknown = contentType === MSGPACK ? decode(data) : JSON.parse(new TextDecoder().decode(data));
    return isWireError(body) ? body : undefined;
  } catch {
    return undefined; // Another service's body: its headers tell enough.
  }
}

function isWireError(body: unknown): body is WireError {
  if (typeof body !== "object" || body === null) return false;
  const { code, message, retryable } = body as Record<string, unknown>;
  return typeof code === "string" && typeof message === "string" && typeof retryable === "boolean";
}
