import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { type NatsAbilities, natsAbilities } from "./nats-abilities.ts";
import { observeConnectivity } from "./nats-connectivity.ts";
import { withoutCredentials } from "./without-credentials.ts";

/** Where the NATS servers are and who this client is. */
export type NatsAddress = Readonly<{
  /** URLs or `host:port`. */
  servers: readonly string[];
  /** Shown by the server's monitoring. */
  name: string;
  /** File with a user's JWT and key. */
  credentialsFile?: string;
  user?: string;
  password?: string;
  token?: string;
}>;

/** Time for the first connection; later ones are tried for ever. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Pause between two attempts at one server: short, since a restarted server is back within a second. */
const RECONNECT_WAIT_MS = 200;
/** A server that answers no ping for two to three times this long is taken for dead: its machine may hang. */
const PING_INTERVAL_MS = 2_000;
/**
 * Bytes that the client gathers before it writes them within a turn: with its own 32 KiB every fifth answer about 64
 * segments was a system call. It takes the option without declaring it.
 */
const WRITTEN_AT_ONCE: object = { pendingLimit: 262_144 };

/**
 * Connects, and reconnects for ever once it has been connected.
 *
 * @param patienceMs - Attempts at the first connection begin for so long; there is one by default.
 * @throws EngineError `NATS_UNREACHABLE` (retryable) if no server accepts the first connection.
 */
export async function connectNats(address: NatsAddress, patienceMs = 0): Promise<NatsConnection> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await connectOnce(address);
    } catch (thrown) {
      if (performance.now() >= deadlineMs) throw thrown;
      await sleep(RECONNECT_WAIT_MS);
    }
  }
}

async function connectOnce(address: NatsAddress): Promise<NatsConnection> {
  const { servers, name, credentialsFile, user, password, token } = address;
  try {
    const connection = await connect({
      servers: servers.map((server) => server.trim()),
      name,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_WAIT_MS,
      pingInterval: PING_INTERVAL_MS,
      // The client would go back first to the server that it has lost, which takes connections even while it hangs.
      reconnectToServer: (servers) => leastRecent(servers),
      ...WRITTEN_AT_ONCE,
      noAsyncTraces: true, // A stack trace taken for every request costs more than the request.
      ignoreAuthErrorAbort: true, // Rotated credentials must not end a connection that is kept for ever.
      ...(credentialsFile === undefined
        ? {}
        : { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { pass: password }),
      ...(token === undefined ? {} : { token }),
    });
    observeConnectivity(connection);
    return connection;
  } catch (cause) {
    const reason = withoutCredentials(cause instanceof Error ? cause.message : String(cause));
    const shown = servers.map(withoutCredentials);
    throw new EngineError({
      code: "NATS_UNREACHABLE",
      message: `no NATS server at ${shown.join(", ")} accepted the connection: ${reason}`,
      retryable: true,
      detail: { servers: shown },
      cause,
    });
  }
}

function leastRecent<Dialled extends Readonly<{ lastConnect: number }>>(
  servers: readonly Dialled[],
): Dialled | null {
  return servers.reduce<Dialled | null>(
    (least, server) => (least === null || server.lastConnect < least.lastConnect ? server : least),
    null,
  );
}

/** What the server that a connection has reached can do. */
export function abilitiesOf(connection: NatsConnection): NatsAbilities {
  return natsAbilities(connection.info ?? { version: "0.0.0", max_payload: 0 });
}
