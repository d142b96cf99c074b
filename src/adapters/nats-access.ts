import { EngineError } from "../kernel/engine-error.ts";

/** Files of TLS. Naming one, or a `tls://` URL, makes a connection without TLS an error. */
export type NatsTls = Readonly<{
  /** Certificates of the authorities that are trusted; the machine's own if left out. */
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  /** Whether TLS comes before the server's greeting (`handshake_first` of servers from 2.10.4 on). */
  handshakeFirst?: boolean;
}>;

/** Where the NATS servers are, and who connects; plain data, since it crosses threads. */
export type NatsAccess = Readonly<{
  /** `host:port` each, without secrets: they are told in errors and logs. */
  servers: readonly string[];
  /** File with a user's JWT and key. */
  credentialsFile?: string;
  /** File with the seed of a user's nkey. */
  nkeyFile?: string;
  user?: string;
  password?: string;
  passwordFile?: string;
  token?: string;
  tokenFile?: string;
  tls?: NatsTls;
  /** First word of the subjects on which answers are waited for; `_INBOX` if left out. */
  inboxPrefix?: string;
  /** First word of the engine's subjects, of which those that need it are signed. */
  signs?: string;
  /** File with the keys of each role: what a server of requests checks signatures and inboxes by. */
  lockFile?: string;
}>;

/** Who connects, without where to. */
export type NatsIdentity = Omit<NatsAccess, "servers">;

const SCHEMES = ["nats:", "tls:"];
const DEFAULT_PORT = "4222";

/**
 * Reads URLs of NATS servers, separated by commas: `host`, `host:port`, `nats://` or `tls://`, with `user:password@` or
 * `token@` before the host. What an identity says goes before what the URLs say.
 *
 * @throws EngineError `BAD_NATS_URL`, which never shows what it could not read, since a password may be in it.
 */
export function natsAccess(urls: string, identity: NatsIdentity = {}): NatsAccess {
  const read = urls.split(",").map((url) => readUrl(url.trim()));
  const secret = read.find(({ user, token }) => user !== undefined || token !== undefined);
  const { user, password, token } = secret ?? {};
  const inUrl = hasIdentity(identity)
    ? {}
    : {
        ...(user === undefined ? {} : { user, password: password ?? "" }),
        ...(token === undefined ? {} : { token }),
      };
  const needsTls = read.some(({ isTls }) => isTls);
  return {
    ...identity,
    ...inUrl,
    ...(needsTls ? { tls: identity.tls ?? {} } : {}),
    servers: read.map(({ server }) => server),
  };
}

/** The servers of an access as URLs, which hold no secret. */
export function urlsOf({ servers, tls }: NatsAccess): string {
  return servers.map((server) => `${tls === undefined ? "nats" : "tls"}://${server}`).join(",");
}

/** Whether an identity says who connects, beside how. */
export function hasIdentity({ credentialsFile, nkeyFile, user, token, tokenFile }: NatsIdentity): boolean {
  return [credentialsFile, nkeyFile, user, token, tokenFile].some((one) => one !== undefined);
}

type ReadUrl = Readonly<{ server: string; isTls: boolean; user?: string; password?: string; token?: string }>;

function readUrl(text: string): ReadUrl {
  const scheme = /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text)?.[1]?.toLowerCase() ?? "nats:";
  if (!SCHEMES.includes(scheme)) throw badUrl(`the scheme ${scheme}// is not known, only nats:// and tls://`);
  const rest = text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "");
  let url: URL;
  try {
    // A scheme of the web, whose hosts and ports the parser checks; its default port is put in by hand.
    url = new URL(`ws://${rest}`);
  } catch {
    throw badUrl("it is no host with a port");
  }
  if (url.hostname === "" || url.search !== "" || url.hash !== "" || !["", "/"].includes(url.pathname))
    throw badUrl(
      "it has more than a host and a port; in a password, write @ : / ? # and % as %40 %3A %2F %3F %23 %25",
    );
  const port = /:80$/.test(rest.replace(/\/$/, "")) ? "80" : url.port || DEFAULT_PORT;
  const [user, password] = [url.username, url.password].map(decoded) as [string, string];
  return {
    server: `${url.hostname}:${port}`,
    isTls: scheme === "tls:",
    ...(user === "" ? {} : namesPassword(rest) ? { user, password } : { token: user }),
  };
}

/** A single word before the host is a token, as NATS has it. */
function namesPassword(rest: string): boolean {
  return rest.slice(0, rest.lastIndexOf("@")).includes(":");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl("a % in its user or password is not followed by two digits: write it as %25");
  }
}

function badUrl(reason: string): EngineError<"BAD_NATS_URL"> {
  const message = `a URL of a NATS server can't be read: ${reason}`;
  return new EngineError({ code: "BAD_NATS_URL", message, retryable: false });
}
