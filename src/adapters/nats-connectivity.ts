import { errors, type NatsConnection } from "@nats-io/transport-node";

/** What the server says that a connection may not do. */
export type Denial = InstanceType<typeof errors.PermissionViolationError>;

type Connectivity = {
  isUp: boolean;
  reconnects: number;
  readonly waiting: Set<() => void>;
  readonly asking: Set<() => void>;
  readonly denials: Set<(denial: Denial) => void>;
  readonly refusals: Set<(reason: string) => void>;
};

/** One observer a connection, since each would have to hear every status. */
const observed = new WeakMap<NatsConnection, Connectivity>();

/**
 * Observes whether a connection is up. The client drops what is sent while it reconnects, and does not tell the
 * requests under way of the break: both run into their whole timeout even if the server is back at once. So wait
 * with {@link untilConnected} before a request, and send it {@link unlessBroken}.
 */
export function observeConnectivity(nc: NatsConnection): void {
  const connectivity: Connectivity = {
    isUp: true,
    reconnects: 0,
    waiting: new Set(),
    asking: new Set(),
    denials: new Set(),
    refusals: new Set(),
  };
  observed.set(nc, connectivity);
  void follow(nc, connectivity);
}

/** Whether a connection is up now, as far as it is observed. */
export function isConnected(nc: NatsConnection): boolean {
  return observed.get(nc)?.isUp !== false && !nc.isClosed();
}

/** How often an observed connection was lost and came back. */
export function reconnectsOf(nc: NatsConnection): number {
  return observed.get(nc)?.reconnects ?? 0;
}

/** Calls back each time an observed connection breaks. */
export function onBreak(nc: NatsConnection, broken: () => void): void {
  observed.get(nc)?.asking.add(broken);
}

/** Calls back once an outage in which a server does not know who connects any more, with its words. */
export function onRefusal(nc: NatsConnection, refused: (reason: string) => void): void {
  observed.get(nc)?.refusals.add(refused);
}

/** Calls back each time the server tells an observed connection that it may not do what it wanted to. */
export function onDenial(nc: NatsConnection, denied: (denial: Denial) => void): void {
  observed.get(nc)?.denials.add(denied);
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

/**
 * The answer to a request, or the news that no answer can come any more.
 *
 * @throws RequestError if the connection breaks first.
 */
export async function unlessBroken<Answer>(nc: NatsConnection, answer: Promise<Answer>): Promise<Answer> {
  const asking = observed.get(nc)?.asking;
  if (asking === undefined) return answer;
  return new Promise((resolve, reject) => {
    const broken = (): void => reject(new errors.RequestError("the connection broke before the answer"));
    asking.add(broken);
    answer.then(resolve, reject).finally(() => asking.delete(broken));
  });
}

async function follow(nc: NatsConnection, connectivity: Connectivity): Promise<void> {
  let isTold = false;
  for await (const status of nc.status()) {
    if (status.type === "disconnect") down(connectivity);
    if (status.type === "reconnect") {
      isTold = false;
      connectivity.reconnects++;
      up(connectivity);
    }
    if (status.type === "error" && isRefusal(status.error) && !isTold) {
      isTold = true;
      for (const refused of connectivity.refusals) refused(status.error.message);
    }
    if (status.type === "error" && status.error instanceof errors.PermissionViolationError)
      for (const denied of connectivity.denials) denied(status.error);
  }
  up(connectivity); // Closed: nobody need wait any longer.
}

function isRefusal(error: Error): boolean {
  return error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError;
}

function down(connectivity: Connectivity): void {
  connectivity.isUp = false;
  for (const broken of connectivity.asking) broken();
}

function up(connectivity: Connectivity): void {
  connectivity.isUp = true;
  for (const done of connectivity.waiting) done();
}
