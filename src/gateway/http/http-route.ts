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
  /** What stands in the path where the route has `:name`, decoded. */
  params: Readonly<Record<string, string>>;
  /** Where the sender has reached the server, such as `https://events.shop.example`; a trusted proxy's word counts. */
  baseUrl: string;
  /** Value of a header by its name in lower case; undefined if it is absent or there several times. */
  header(name: string): string | undefined;
}>;

export type HttpReply = Readonly<{
  body: Uint8Array;
  contentType: string;
  /** If it failed: picks the status, and tells when to come again. */
  error?: WireError;
  /** If it did not fail, and is not 200. */
  status?: number;
  /** By names in lower case; they go before those that every reply has. */
  headers?: Readonly<Record<string, string>>;
}>;

/**
 * One thing that can be asked over HTTP. Whoever adds an interface, such as another product's API, gives a list of these; the
 * server checks keys, origins, sizes and rates for all of them alike.
 */
export type HttpRoute = Readonly<{
  method: "GET" | "POST";
  /** Such as `/v1/ingest`, or `/v1/projects/:key/settings`. */
  path: string;
  /** Who may ask; left out: everybody, without a key. */
  role?: HttpRole;
  /**
   * Finds the key in a body, for senders that can't set a header: a page's last message before it goes. Asked only where no
   * header shows one. It never throws.
   */
  keyIn?(body: Uint8Array): string | undefined;
  answer(request: HttpRequest): Promise<HttpReply>;
}>;
