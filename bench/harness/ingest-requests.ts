import { type ContentType, encodeReply } from "../../src/events/decode-request.ts";
import type { SentEvent } from "./event-source.ts";
import type { EncodedRequest } from "./load-tasks.ts";

/** Events as requests to `ingest`, so many a request; a single one is sent as it is. */
export function ingestRequests(
  prefix: string,
  events: readonly SentEvent[],
  batch: number,
  type: ContentType,
): EncodedRequest[] {
  const subject = `${prefix}.v1.ingest`;
  const requests: EncodedRequest[] = [];
  for (let at = 0; at < events.length; at += batch) {
    const body = batch === 1 ? events[at] : { events: events.slice(at, at + batch) };
    requests.push({ subject, data: Uint8Array.from(encodeReply(body, type)) });
  }
  return requests;
}
