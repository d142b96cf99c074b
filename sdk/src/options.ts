import type { NatsConnection } from "@nats-io/transport-node";
import type { Refusal, ResonanceEvent } from "./event.ts";
import type { QueueOptions } from "./ingest-queue.ts";
import type { CurrentTrace } from "./propagation.ts";

/** Files of TLS. Naming one, or a `tls://` URL, makes a connection without TLS an error. */
export type TlsFiles = Readonly<{
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  /** Whether TLS comes before the server's greeting. */
  handshakeFirst?: boolean;
}>;

/** What a client is there for, as the deployment's roles have it: docs/security.md. */
export type ClientRole = "producer" | "reader" | "operator";

/** How to reach the engine; everything may be left out. */
export type ConnectOptions = Readonly<{
  /** URLs of NATS servers, also as one text with commas: `nats://127.0.0.1:4222` if left out. */
  servers?: string | readonly string[];
  /** A connection that is there already, in the place of `servers`; it stays its owner's to close. */
  connection?: NatsConnection;
  /** First word of the engine's subjects; `resonance`. */
  prefix?: string;
  /** How the NATS server's monitoring calls this client. */
  name?: string;
  /** A folder that `resonance auth init` has made for a client, such as `auth/reader`. */
  auth?: string;
  /** File with a user's JWT and key. */
  credentials?: string;
  /** File with the seed of a user's nkey. */
  nkey?: string;
  user?: string;
  password?: string;
  token?: string;
  tls?: TlsFiles;
  /** Who this is by the deployment's roles, where `auth` does not say it: answers come to an inbox of the role. */
  role?: ClientRole;
  /** First words of the inbox's subject, if no role says it. */
  inboxPrefix?: string;
  /** Whose budget of events is used where rates are limited by producer; without it, that of all who tell no name. */
  producer?: string;
  /** How long to wait for the first connection, ms; 5,000. Later ones are tried for ever. */
  connectTimeoutMs?: number;
  /** How long a question may take with all its attempts, ms; 5,000. */
  timeoutMs?: number;
  /** Whether shards are asked without a gateway where that is possible; true. */
  direct?: boolean;
  /** Bounds of the queue of events. */
  queue?: Partial<QueueOptions>;
  /** Is told of every event that is refused for good. Then no promise of `ingest` has to be caught. */
  onRefused?: (refusal: Refusal, event: ResonanceEvent) => void;
  /** The trace under way; OpenTelemetry's if `@opentelemetry/api` is installed. False for none. */
  trace?: CurrentTrace | false;
}>;

export const DEFAULT_PREFIX = "resonance";
export const DEFAULT_TIMEOUT_MS = 5_000;
export const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;

export const DEFAULT_QUEUE: QueueOptions = {
  batchEvents: 200,
  batchBytes: 262_144, // A quarter of what a NATS server takes unless told otherwise.
  batchMs: 5,
  queueEvents: 10_000,
  queueBytes: 16_777_216,
  lanes: 4,
  giveUpAfterMs: Number.POSITIVE_INFINITY,
  backOff: { firstMs: 50, mostMs: 5_000 },
};

/** What the engine takes at once, at most. */
const REQUEST_EVENTS = 1_000;
const LANES_MAX = 64;

/** @throws RangeError for a bound that is none. */
export function queueOptions(given: Partial<QueueOptions> = {}): QueueOptions {
  const options = { ...DEFAULT_QUEUE, ...given };
  const whole = (name: keyof QueueOptions, max: number): void => {
    const value = options[name];
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max)
      throw new RangeError(`queue.${name} must be a whole number from 1 to ${max}`);
  };
  whole("batchEvents", REQUEST_EVENTS);
  whole("batchBytes", Number.MAX_SAFE_INTEGER);
  whole("queueEvents", Number.MAX_SAFE_INTEGER);
  whole("queueBytes", Number.MAX_SAFE_INTEGER);
  whole("lanes", LANES_MAX);
  for (const name of ["batchMs", "giveUpAfterMs"] as const)
    if (!(options[name] >= 0)) throw new RangeError(`queue.${name} must not be below 0`);
  const { firstMs, mostMs } = options.backOff;
  if (!(firstMs > 0 && mostMs >= firstMs)) throw new RangeError("queue.backOff needs 0 < firstMs <= mostMs");
  return options;
}
