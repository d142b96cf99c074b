import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { TRACE_HEADER } from "./traceparent.ts";

/** Headers whose bytes are written here, for one message after the other. */
export type WrittenHeaders = Readonly<{
  /** To publish with: it encodes to what was written last. */
  headers: MsgHdrs;
  /**
   * @param id - The message's id, for the server to recognise a repeat by.
   * @param more - Further lines, each with its break in front.
   * @throws TypeError if the id would end its line.
   */
  write(id: string, more?: string): void;
}>;

/** A line that tells the trace, with its break in front; nothing for none. */
export function traceLine(traceparent: string | undefined): string {
  return traceparent === undefined ? "" : `\r\n${TRACE_HEADER}: ${traceparent}`;
}

const BREAK = /[\r\n]/;

/**
 * The client library checks, keeps and encodes an object of headers for every message, which takes longer than all else
 * about it. It encodes them in the moment in which it is handed them, so one object can serve all messages.
 */
export function writtenHeaders(): WrittenHeaders {
  const shared = headers();
  let bytes: Uint8Array = new Uint8Array();
  Object.defineProperty(shared, "encode", { value: () => bytes });
  return {
    headers: shared,
    write(id, more = "") {
      if (BREAK.test(id)) throw new TypeError("an id has no line breaks");
      bytes = Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${id}${more}\r\n\r\n`);
    },
  };
}
