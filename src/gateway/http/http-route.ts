import type { Producer } from "../../actors/bus.ts";
import type { WireError } from "../../kernel/engine-error.ts";

/** What a key may do: producers send events, readers ask, operators act on the engine itself, over the admin listener. */
export type HttpRole = "producer" | "reader" | "operator";

/** A request whose key was checked and whose body was inflated. */
export type HttpRequest = Readonly<{
  body: Uint8Array;
  /** Value of the header; empty if absent. */
  contentType: string;
  /** Whose key was shown; undefined where none is asked for. */
  producer: Producer | undefined;
}>;

export type HttpReply = Readonly<{
  body: Uint8Array;
  contentType: string;
  /** If it failed: picks the status, and tells when to come again. */
  error?: WireError;
}>;

/**
 * One thing that can be asked over HTTP. Whoever adds an interface, such as another product's API, gives a list of these; the
 * server checks keys, origins, sizes and rates for all of them alike.
 */
export type HttpRoute = Readonly<{
  method: "GET" | "POST";
  /** Such as `/v1/ingest`. */
  path: string;
  /** Who may ask; left out: everybody, without a key. */
  role?: HttpRole;
  answer(request: HttpRequest): Promise<HttpReply>;
}>;
