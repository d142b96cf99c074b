import { decodeRequest } from "../../events/decode-request.ts";
import { LIMITS } from "../../events/limits.ts";
import { type Refusal, refuse } from "../../events/refusal.ts";
import type { HttpRequest } from "../http/http-route.ts";
import type { ReadItem } from "../intake.ts";
import { eventOfCloudEvent } from "./cloud-event.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The CloudEvents of a request, and whether it may be answered for each. */
export type ReadCloudEvents = Readonly<{ kind: "read"; isBatch: boolean; items: readonly ReadItem[] }>;

const JSON_TYPE = "application/json";
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "time"] as const;
const IS_JSON = /^(application|text)\/([a-z0-9.-]+\+)?json$/;

/**
 * Reads CloudEvents in any of the three modes of their HTTP binding: one in headers and body (binary), one as JSON (structured), or a list.
 *
 * @param nowMs - The time of events that tell none, epoch ms.
 * @see CloudEvents, HTTP Protocol Binding 1.0.2.
 */
export function readCloudEvents(request: HttpRequest, nowMs: number): ReadCloudEvents | Refusal {
  const type = mediaType(request.contentType);
  if (type === BATCH) {
    const read = decodeRequest(request.body, JSON_TYPE);
    if (read.kind === "refused") return read;
    if (!Array.isArray(read.value)) return refuse("WRONG_TYPE", "a batch of CloudEvents is a list");
    if (read.value.length > LIMITS.requestEvents)
      return refuse("TOO_MANY", `a batch may have ${LIMITS.requestEvents} CloudEvents at most: split it`);
    return { kind: "read", isBatch: true, items: read.value.map((event) => structured(event, nowMs)) };
  }
  if (type === STRUCTURED) {
    const read = decodeRequest(request.body, JSON_TYPE);
    return read.kind === "refused" ? read : one(structured(read.value, nowMs));
  }
  return one(binary(request, type, nowMs));
}

function one(item: ReadItem): ReadCloudEvents | Refusal {
  return item.kind === "refused" ? item : { kind: "read", isBatch: false, items: [item] };
}

function structured(value: unknown, nowMs: number): ReadItem {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("NOT_AN_OBJECT", "a CloudEvent must be an object");
  const { data, data_base64, ...attributes } = value as Fields;
  const type = attributes["datacontenttype"];
  if (typeof type === "string" && !IS_JSON.test(mediaType(type))) return notJson();
  if (data_base64 === undefined) return eventOfCloudEvent(attributes, data, nowMs);
  if (typeof data_base64 !== "string") return refuse("WRONG_TYPE", "data_base64 must be a text");
  const decoded = decodeRequest(Buffer.from(data_base64, "base64"), JSON_TYPE);
  return decoded.kind === "refused" ? decoded : eventOfCloudEvent(attributes, decoded.value, nowMs);
}

function binary({ header, body }: HttpRequest, type: string, nowMs: number): ReadItem {
  const attributes: Record<string, unknown> = {};
  for (const name of ATTRIBUTES) {
    const value = header(`ce-${name}`);
    if (value === undefined) continue;
    const text = decodedHeader(value);
    if (text === undefined) return refuse("BAD_TEXT", `ce-${name} is not percent-encoded UTF-8`);
    attributes[name] = text;
  }
  if (body.length === 0) return eventOfCloudEvent(attributes, undefined, nowMs);
  if (type !== "" && !IS_JSON.test(type)) return notJson();
  const decoded = decodeRequest(body, JSON_TYPE);
  return decoded.kind === "refused" ? decoded : eventOfCloudEvent(attributes, decoded.value, nowMs);
}

function notJson(): Refusal {
  return refuse("UNSUPPORTED_CONTENT_TYPE", "the data of a CloudEvent must be application/json");
}

/** The text that a header stands for: what is not ASCII comes percent-encoded, and sometimes in quotes. */
function decodedHeader(value: string): string | undefined {
  const bare = /^"(.*)"$/.exec(value)?.[1] ?? value;
  try {
    return decodeURIComponent(bare.replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  } catch {
    return undefined;
  }
}

function mediaType(header: string): string {
  return header.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
