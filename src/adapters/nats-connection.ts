import { setTimeout as sleep } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import { type NatsAbilities, natsAbilities } from "./nats-abilities.ts";
import { type NatsAccess, natsAccess } from "./nats-access.ts";
import { authenticatorOf } from "./nats-authenticator.ts";
import { connectFailure } from "./nats-connect-failure.ts";
import { observeConnectivity } from "./nats-connectivity.ts";
import { rememberPeer } from "./nats-peer.ts";

/** Where the NATS servers are, as URLs or `host:port`, and who this client is. */
export type NatsAddress = NatsAccess &
  Readonly<{
    /** Shown by the server's monitoring. */
    name: string;
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
 * @throws EngineError `NATS_UNREACHABLE` (retryable) if no server accepts the first connection; `NATS_UNAUTHORIZED`,
 * `NATS_TLS_FAILED`, `CREDENTIALS_UNREADABLE` and `BAD_NATS_URL`, which waiting does not help.
 */
export async function connectNats(address: NatsAddress, patienceMs = 0): Promise<NatsConnection> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await connectOnce(address);
    } catch (thrown) {
      const mayPass = thrown instanceof EngineError && thrown.retryable;
      if (!mayPass || performance.now() >= deadlineMs) throw thrown;
      await sleep(RECONNECT_WAIT_MS);
    }
  }
}

async function connectOnce({ name, ...given }: NatsAddress): Promise<NatsConnection> {
  const access = natsAccess(given.servers.join(","), given);
  const authenticator = authenticatorOf(access);
  try {
    const connection = await connect({
      servers: [...access.servers],
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
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(access.tls === undefined ? {} : { tls: { ...access.tls } }),
      ...(access.inboxPrefix === undefined ? {} : { inboxPrefix: access.inboxPrefix }),
    });
    observeConnectivity(connection);
    rememberPeer(connection, access);
    return connection;
  } catch (cause) {
    throw await connectFailure(access, cause);
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
