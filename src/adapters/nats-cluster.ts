import { JetStreamApiError, jetstreamManager, StorageType } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { untilConnected } from "./nats-connectivity.ts";
import { isPassing, logUnavailable } from "./nats-log-failure.ts";

/** Copies of a stream that outlive the loss of one server. */
const REPLICAS = 3;
/** Name of the stream that is made to find out, and removed: the same for all, so that a crash leaves one at most. */
const TRIAL = "resonance-trial";
/** The server's codes for fewer servers than copies: "no suitable peers", "not supported in non-clustered mode". */
const TOO_FEW_SERVERS = [10005, 10074];
/** Electing a leader takes up to 9 s, and a stream that is made while a server is away may need two elections. */
const PATIENCE_MS = 30_000;
/** After this long without an answer the request is sent again: it was lost with the server that led. */
const ATTEMPT_TIMEOUT_MS = 5_000;
const RETRY_MS = 250;

/**
 * How many copies new streams should have: 3 in a cluster that has three servers with JetStream, else 1. Only an
 * operator's account may ask a cluster for its size, so a stream is made for a moment to find out. A cluster that has
 * lost one of its three servers still counts as three.
 *
 * @throws EngineError `LOG_UNAVAILABLE` (retryable) if the cluster has no leader in time.
 */
export async function replicasFor(
  nc: NatsConnection,
  options: Readonly<{ patienceMs?: number }> = {},
): Promise<1 | 3> {
  // A server on its own, with the streams on itself: nothing to find out.
  if (nc.info?.cluster === undefined && nc.info?.jetstream === true) return 1;
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  const deadlineMs = performance.now() + patienceMs;
  const timeout = Math.min(patienceMs, ATTEMPT_TIMEOUT_MS);
  const { streams } = await jetstreamManager(nc, { checkAPI: false, timeout });
  for (;;) {
    try {
      await untilConnected(nc, Math.max(0, deadlineMs - performance.now()));
      await streams.add({
        name: TRIAL,
        subjects: [TRIAL],
        storage: StorageType.Memory,
        num_replicas: REPLICAS,
      });
      await streams.delete(TRIAL).catch(() => false); // Another node may have been faster.
      return REPLICAS;
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError && TOO_FEW_SERVERS.includes(thrown.code)) return 1;
      if (!isPassing(thrown) || performance.now() >= deadlineMs) throw logUnavailable(TRIAL, thrown);
      await pause(RETRY_MS);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
