import type { WireError } from "../../kernel/engine-error.ts";
import type { HttpReply } from "./http-route.ts";

/**
 * Who may ask on the admin listener: `anyone` who reaches it, for what holds nothing of any person; a `reader` looks (on a
 * loopback address everybody may); an `operator` acts, and always shows a key.
 */
export type AdminRole = "anyone" | "reader" | "operator";

/** A request whose sender may ask it. */
export type AdminRequest = Readonly<{
  /** Values of the path's parameters, by their names, decoded. */
  params: Readonly<Record<string, string>>;
  /** Values behind the `?`, by their names; of a name that is there twice the last. */
  query: Readonly<Record<string, string>>;
  body: Uint8Array;
  /** Value of the header; empty if absent. */
  contentType: string;
  /** The name of the key that was shown; undefined without one. */
  keyName: string | undefined;
}>;

/** One answer to one request. A failure that it throws is answered as it would be over NATS. */
export type AdminAnswerRoute = Readonly<{
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Such as `/console/v1/visitor/:user`: a part that begins with a colon is a parameter. */
  path: string;
  role: AdminRole;
  answer(request: AdminRequest): Promise<HttpReply>;
}>;

/** Events for as long as the reader listens, as `text/event-stream`. */
export type AdminStreamRoute = Readonly<{
  method: "GET";
  path: string;
  role: AdminRole;
  /** Sends until the feed has ended; once it settles, the stream ends. */
  stream(request: AdminRequest, feed: EventFeed): Promise<void>;
}>;

/** One thing that can be asked of the admin listener. Each part of the console gives a list of these. */
export type AdminRoute = AdminAnswerRoute | AdminStreamRoute;

/** The way to one reader of a stream. */
export type EventFeed = Readonly<{
  /**
   * Sends an event with JSON.
   *
   * @returns False if the reader has not taken the one before yet: this one is left out, and the next may tell more.
   */
  send(event: string, data: unknown): boolean;
  /** Aborts when the reader is gone, or the node stops. */
  ended: AbortSignal;
}>;

/** A page's files, as they are served. */
export type StaticFile = Readonly<{
  body: Uint8Array;
  contentType: string;
  etag: string;
  /** Its name changes with its content: browsers need never ask again. */
  isImmutable: boolean;
}>;

/** Finds a file by its path, which begins with `/`; undefined if there is none. */
export type StaticFiles = (path: string) => Promise<StaticFile | undefined>;

const encoder = new TextEncoder();

/** A value as the JSON of a reply. */
export function jsonReply(value: unknown, error?: WireError): HttpReply {
  const body = encoder.encode(JSON.stringify(value));
  return { body, contentType: "application/json", ...(error === undefined ? {} : { error }) };
}
