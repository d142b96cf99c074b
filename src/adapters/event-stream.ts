import type { ServerResponse } from "node:http";
import type { EventFeed } from "../gateway/http/admin-route.ts";

/** A reader's connection that events are written to. */
export type EventStream = EventFeed & Readonly<{ end(): void }>;

/** How often a line is sent that says nothing: a connection of which nobody hears is cut on its way, or here. */
export const HEARTBEAT_MS = 15_000;
/** How long a browser waits before it comes again. */
const RETRY_MS = 2_000;

/**
 * Makes a response a stream of server-sent events. What the reader does not take in time is left out, and never kept: a reader
 * that stands still costs what its socket holds.
 *
 * @param response - Its headers are not sent yet.
 * @see WHATWG HTML, "Server-sent events".
 */
export function eventStream(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  heartbeatMs = HEARTBEAT_MS,
): EventStream {
  const ending = new AbortController();
  let isTaken = true;
  const write = (text: string): boolean => {
    if (!isTaken || ending.signal.aborted) return false;
    isTaken = response.write(text);
    return true;
  };
  const heartbeat = setInterval(() => write(":\n\n"), heartbeatMs);
  heartbeat.unref();
  response.on("drain", () => {
    isTaken = true;
  });
  const close = (): void => {
    clearInterval(heartbeat);
    ending.abort();
  };
  response.on("close", close);
  response.on("error", close); // The socket was reset under a write.
  response.writeHead(200, { ...headers, "content-type": "text/event-stream", "x-accel-buffering": "no" });
  write(`retry: ${RETRY_MS}\n\n`);
  return {
    ended: ending.signal,
    // JSON has no line breaks of its own, so that it is one line of data.
    send: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    end() {
      close();
      response.end();
    },
  };
}
