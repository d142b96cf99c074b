import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { type ConnectOptions, DEFAULT_CONNECT_TIMEOUT_MS, type TlsFiles } from "./options.ts";
import { ResonanceError } from "./resonance-error.ts";

/** A connection, and the first words of the subjects on which it may wait for answers. */
export type Connected = Readonly<{ nc: NatsConnection; inboxPrefix: string | undefined; isOwn: boolean }>;

/** Pause between two attempts at one server: short, since a restarted server is back within a second. */
const RECONNECT_WAIT_MS = 200;
/** A server that answers no ping for two to three times this long is taken for dead. */
const PING_INTERVAL_MS = 5_000;
/** Bytes gathered before they are written within a turn; the client takes this option without declaring it. */
const WRITTEN_AT_ONCE: object = { pendingLimit: 262_144 };

/**
 * Connects, and reconnects for ever once it has been connected.
 *
 * @throws ResonanceError `NATS_UNREACHABLE` (retryable), `NATS_UNAUTHORIZED`, `NATS_TLS_FAILED`, `CREDENTIALS_UNREADABLE`.
 */
export async function connectNats(given: ConnectOptions): Promise<Connected> {
  if (given.connection !== undefined) {
    const inboxPrefix = inboxPrefixOf(given) ?? inboxPrefixIn(given.connection);
    return { nc: given.connection, inboxPrefix, isOwn: false };
  }
  const options = given.auth === undefined ? given : await withFolder(given, given.auth);
  const { servers = "nats://127.0.0.1:4222", tls } = options;
  const urls = (typeof servers === "string" ? servers.split(",") : [...servers]).map((url) => url.trim());
  const inboxPrefix = inboxPrefixOf(options);
  const authenticator = authenticatorOf(options);
  const isTls = tls !== undefined || urls.some((url) => url.startsWith("tls://"));
  try {
    const nc = await connect({
      servers: urls,
      name: options.name ?? "resonance-map",
      timeout: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_WAIT_MS,
      pingInterval: PING_INTERVAL_MS,
      noAsyncTraces: true, // A stack trace taken for every request costs more than the request.
      ignoreAuthErrorAbort: true, // Credentials that are being replaced must not end a connection that is kept for ever.
      ...WRITTEN_AT_ONCE,
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(isTls ? { tls: { ...tls } } : {}),
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    });
    return { nc, inboxPrefix, isOwn: true };
  } catch (cause) {
    throw connectFailure(cause, urls);
  }
}

/** What a folder says goes behind what the options say. */
async function withFolder(given: ConnectOptions, folder: string): Promise<ConnectOptions> {
  const file = join(folder, "client.json");
  let told: Readonly<{ role: string; prefix: string; nkey?: string; creds?: string; ca?: string }>;
  try {
    told = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw unreadable(
      file,
      'name the folder of one role, such as auth/reader, that "resonance auth init" made',
      cause,
    );
  }
  const tls: TlsFiles | undefined =
    told.ca === undefined ? given.tls : { caFile: join(folder, told.ca), ...given.tls };
  const isNamed = [given.credentials, given.nkey, given.user, given.token].some((one) => one !== undefined);
  return {
    inboxPrefix: `_INBOX_${told.role}`,
    ...(isNamed || told.nkey === undefined ? {} : { nkey: join(folder, told.nkey) }),
    ...(isNamed || told.creds === undefined ? {} : { credentials: join(folder, told.creds) }),
    ...given,
    ...(tls === undefined ? {} : { tls }),
  };
}

/** The prefix that a folder's deployment has, if it says one. */
export async function prefixIn(folder: string): Promise<string | undefined> {
  try {
    const { prefix } = JSON.parse(await readFile(join(folder, "client.json"), "utf8")) as { prefix?: string };
    return prefix;
  } catch {
    return undefined; // Whoever connects with it is told what is wrong.
  }
}

function inboxPrefixOf({ inboxPrefix, role }: ConnectOptions): string | undefined {
  return inboxPrefix ?? (role === undefined ? undefined : `_INBOX_${role}`);
}

/** A connection keeps the options that it was made with, though its type does not say so. */
function inboxPrefixIn(nc: NatsConnection): string | undefined {
  const { options } = nc as unknown as { options?: { inboxPrefix?: string } };
  return options?.inboxPrefix;
}

/** Files are read again for each connection, so that whoever replaces them changes who a running service is. */
function authenticatorOf(options: ConnectOptions): Authenticator | undefined {
  const { credentials, nkey, user, password, token } = options;
  if (credentials !== undefined) return rereading(credentials, (bytes) => credsAuthenticator(bytes));
  if (nkey !== undefined) return rereading(nkey, (bytes) => nkeyAuthenticator(bytes));
  if (user !== undefined) return usernamePasswordAuthenticator(user, password ?? "");
  return token === undefined ? undefined : tokenAuthenticator(token);
}

function rereading(file: string, make: (bytes: Uint8Array) => Authenticator): Authenticator {
  const read = (): Authenticator => {
    try {
      const text = readFileSync(file, "utf8").trim();
      return make(
        new TextEncoder().encode(file.endsWith(".creds") || text.includes("\n") ? `${text}\n` : text),
      );
    } catch (cause) {
      throw unreadable(file, "is it there, and may this process read it?", cause);
    }
  };
  let last = read();
  return (nonce) => {
    try {
      last = read();
    } catch {
      // It is being replaced, perhaps: what was read last counts.
    }
    return last(nonce);
  };
}

function unreadable(file: string, advice: string, cause: unknown): ResonanceError {
  const message = `${file} can't be read: ${advice}`;
  return new ResonanceError({
    code: "CREDENTIALS_UNREADABLE",
    message,
    retryable: false,
    detail: { file },
    cause,
  });
}

function connectFailure(cause: unknown, urls: readonly string[]): ResonanceError {
  if (cause instanceof ResonanceError) return cause;
  const shown = urls.map((url) => url.replace(/\/\/[^@/]*@/, "//")).join(", "); // Without passwords.
  const failed = (code: string, message: string, retryable: boolean): ResonanceError =>
    new ResonanceError({ code, message, retryable, cause });
  const why = cause instanceof Error ? cause : new Error(String(cause));
  if (isAbout(why, errors.AuthorizationError) || isAbout(why, errors.UserAuthenticationExpiredError))
    return failed("NATS_UNAUTHORIZED", `the NATS server at ${shown} does not know who connects`, false);
  if (/certificate|tls|ssl|self.signed/i.test(messages(why)))
    return failed("NATS_TLS_FAILED", `no TLS connection to ${shown}: see tls of the options`, false);
  return failed("NATS_UNREACHABLE", `no NATS server answers at ${shown}`, true);
}

function isAbout(error: Error, kind: new (...given: never[]) => Error): boolean {
  const { cause } = error;
  return error instanceof kind || (cause instanceof Error && isAbout(cause, kind));
}

function messages(error: Error): string {
  return `${error.message} ${error.cause instanceof Error ? messages(error.cause) : ""}`;
}
