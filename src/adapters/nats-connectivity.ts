import type { NatsConnection } from "@nats-io/transport-node";

type Connectivity = { isUp: boolean; readonly waiting: Set<() => void> };

/** One observer a connection, since each would have to hear every status. */
const observed = new WeakMap<NatsConnection, Connectivity>();

/**
 * Observes whether a connection is up. The client drops what is sent while it reconnects, so that a request then
 * runs into its whole timeout even if the server is back at once: wait with {@link untilConnected} first.
 */
export function observeConnectivity(nc: NatsConnection): void {
  const connectivity: Connectivity = { isUp: true, waiting: new Set() };
  observed.set(nc, connectivity);
  void follow(nc, connectivity);
}

/**
 * Waits until an observed connection is up.
 *
 * @returns False if it is closed or does not come back in time.
 */
export async function untilConnected(nc: NatsConnection, timeoutMs: number): Promise<boolean> {
  const connectivity = observed.get(nc);
  if (nc.isClosed()) return false;
  if (connectivity === undefined || connectivity.isUp) return true;
  await new Promise<void>((resolve) => {
    const timeout = setTimeout(() => done(), timeoutMs);
    const done = (): void => {
      clearTimeout(timeout);
      connectivity.waiting.delete(done);
      resolve();
    };
    connectivity.waiting.add(done);
  });
  return connectivity.isUp && !nc.isClosed();
}

async function follow(nc: NatsConnection, connectivity: Connectivity): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === "disconnect") connectivity.isUp = false;
    if (status.type === "reconnect") up(connectivity);
  }
  up(connectivity); // Closed: nobody need wait any longer.
}

function up(connectivity: Connectivity): void {
  connectivity.isUp = true;
  for (const done of connectivity.waiting) done();
}
