import { EngineError } from "../../kernel/engine-error.ts";
import type { AdminRole } from "./admin-route.ts";
import type { KeptKey } from "./key-ring.ts";

/** What is known of who asks. */
export type AdminCaller = Readonly<{
  /** The key that was shown; undefined without one. */
  key: KeptKey | undefined;
  /** Whether the server listens to this machine only. */
  isLocal: boolean;
  /** Whether the server itself speaks TLS; if not, a proxy in front of it may. */
  isTls: boolean;
  /** Value of `Host`: what the sender took the server's name to be. */
  host: string | undefined;
  /** Value of `Origin`: the site whose page asks; absent for a page of the server's own that only reads. */
  origin: string | undefined;
  /** Value of `Sec-Fetch-Site`, which pages can't set. */
  fetchSite: string | undefined;
}>;

/**
 * Refuses whoever may not ask. A browser on this machine lends its address to any page that it shows: so a page of another site
 * is refused, and so is one that has made its own name mean this machine (DNS rebinding), by the name that it asks for.
 *
 * @throws EngineError `UNAUTHENTICATED`, `FORBIDDEN`.
 */
export function refuseStranger(role: AdminRole, caller: AdminCaller): void {
  const { key, isLocal, host } = caller;
  if (role === "anyone") return;
  if (isOfOtherSite(caller)) throw forbidden("pages of other sites may not use the admin listener");
  if (role === "operator") {
    if (key === undefined) throw unauthenticated("acting takes an operator's key");
    if (key.role !== "operator") throw forbidden(`the key is a ${key.role}'s, and this is for an operator`);
    return;
  }
  if (key !== undefined) {
    if (key.role === "producer") throw forbidden("the key is a producer's, and this is for a reader");
    return;
  }
  if (!isLocal) throw unauthenticated("reading takes a reader's or an operator's key on this address");
  if (!isLoopbackHost(host))
    throw forbidden("without a key the listener is asked by the name localhost, or its address");
}

/** Whether an address is of this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether a `Host` header names this machine: `localhost`, `127.x.x.x` or `[::1]`, with any port. */
export function isLoopbackHost(host: string | undefined): boolean {
  const [, name = ""] = /^(.*?)(?::\d{1,5})?$/.exec(host?.toLowerCase() ?? "") ?? [];
  return isLoopbackAddress(name.replace(/^\[(.*)\]$/, "$1"));
}

function isOfOtherSite({ host, isTls, origin, fetchSite }: AdminCaller): boolean {
  if (fetchSite === "cross-site" || fetchSite === "same-site") return true; // `same-site` is another port of this host.
  return origin !== undefined && origin.replace(isTls ? /^https:\/\// : /^https?:\/\//, "") !== host;
}

function unauthenticated(why: string): EngineError<"UNAUTHENTICATED"> {
  const message = `${why}: show one as \`Authorization: Bearer KEY\` (resonance auth key new --role operator --name NAME)`;
  return new EngineError({ code: "UNAUTHENTICATED", message, retryable: false });
}

function forbidden(message: string): EngineError<"FORBIDDEN"> {
  return new EngineError({ code: "FORBIDDEN", message, retryable: false });
}
