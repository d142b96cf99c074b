import { Svcm } from "@nats-io/services";
import type { NatsConnection } from "@nats-io/transport-node";
import type { BusReply, RequestHandler } from "../actors/bus.ts";
import type { OperatorTrail } from "../actors/operator-trail.ts";
import { type AnswerHow, answerMessage, type IncomingMessage, trailOf } from "./nats-bus.ts";
import { lockOf } from "./nats-peer.ts";
import type { RequestLock } from "./request-lock.ts";

/** What answers the requests of each endpoint, named by the words behind `<prefix>.v1.`. */
export type ServiceHandlers = Readonly<Record<string, RequestHandler>>;

/** How a service is mounted. */
export type ServiceOptions = Readonly<{
  /** First word of the subjects; also the service's name. */
  prefix: string;
  /** Semantic version that `$SRV.INFO` shows. */
  version?: string;
  /** Instances of one queue share the requests. */
  queue?: string;
  /** Requests answered at a time; more are refused at once with `OVERLOADED`. */
  inFlightMax?: number;
  /** Whether the traces that requests are parts of are read. */
  isTraced?: boolean;
  /** Is told the code of each request that the lock does not let through; `NO_INBOX` of one that is not answered. */
  refused?: (code: string) => void;
  /** Keeps the requests of operators. */
  trail?: OperatorTrail;
}>;

/** What `$SRV.STATS` shows as an endpoint's `data`. */
type Tally = { answered: number; failed: number; refused: number; totalMs: number };

/** Behind 50,000 answers a second these wait 20 ms: longer queues only add latency. */
const IN_FLIGHT_MAX = 1_024;

/**
 * Mounts endpoints as a NATS micro service: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS` answer for it.
 *
 * `close` lets the requests in hand be answered first.
 */
export async function mountService(
  nc: NatsConnection,
  handlers: ServiceHandlers,
  options: ServiceOptions,
): Promise<{ close(): Promise<void> }> {
  const inFlightMax = options.inFlightMax ?? IN_FLIGHT_MAX;
  const lock = counted(lockOf(nc), options.refused);
  const inFlight = new Set<Promise<void>>();
  const tallies = new Map<string, Tally>();
  const count = (tally: Tally, reply: BusReply | undefined, startedMs: number): void => {
    tally.answered += 1;
    tally.failed += reply?.error === undefined ? 0 : 1;
    tally.totalMs += performance.now() - startedMs;
  };
  const answer = (
    message: IncomingMessage,
    { handler, how, tally }: Readonly<{ handler: RequestHandler; how: AnswerHow; tally: Tally }>,
  ): void => {
    const startedMs = performance.now();
    const answering = answerMessage(message, handler, how);
    if (!(answering instanceof Promise)) {
      count(tally, answering, startedMs);
      return;
    }
    const counted = answering.then((reply) => {
      inFlight.delete(counted);
      count(tally, reply, startedMs);
    });
    inFlight.add(counted);
  };

  // The library types its connection by an older core than ours; what it uses of it is the same (DESIGN, traps).
  const service = await new Svcm(
    lockedMonitoring(nc, lock) as unknown as ConstructorParameters<typeof Svcm>[0],
  ).add({
    name: options.prefix,
    version: options.version ?? "1.0.0",
    description: "Tells how strongly a visitor's behaviour resonates with each segment",
    queue: options.queue ?? options.prefix,
    // The library's own count stops when a handler returns its promise, so the true ones go into `data`.
    statsHandler: async ({ subject }) => tallies.get(subject) ?? null,
  });
  for (const [endpoint, handler] of Object.entries(handlers)) {
    const subject = `${options.prefix}.v1.${endpoint}`;
    const tally: Tally = { answered: 0, failed: 0, refused: 0, totalMs: 0 };
    tallies.set(subject, tally);
    const how = { lock, trail: trailOf(subject, options.trail), isTraced: options.isTraced === true };
    service.addEndpoint(endpoint.replaceAll(".", "-"), {
      subject,
      handler: (error, libraryMessage) => {
        const message = libraryMessage as unknown as IncomingMessage; // As above: typed by the older core.
        if (error !== null) return; // The library has ended the service: the connection is closed.
        if (inFlight.size < inFlightMax) {
          answer(message, { handler, how, tally });
          return;
        }
        tally.refused += 1;
        void answerMessage(message, () => overloaded(inFlightMax), how);
      },
    });
  }
  await nc.flush(); // Until the server has the subscriptions, a request meets "no responders".
  return {
    async close() {
      await service.stop();
      await Promise.allSettled(inFlight);
    },
  };
}

function counted(lock: RequestLock | undefined, refused: ServiceOptions["refused"]): RequestLock | undefined {
  if (lock === undefined || refused === undefined) return lock;
  return (request) => {
    const verdict = lock(request);
    if (verdict.kind !== "served") refused(verdict.kind === "refused" ? verdict.error.code : "NO_INBOX");
    return verdict;
  };
}

/**
 * The library answers `$SRV.PING` and its like by itself, on whatever subject the asker names: with a lock, only those
 * that may be answered reach it.
 */
function lockedMonitoring(nc: NatsConnection, lock: RequestLock | undefined): NatsConnection {
  if (lock === undefined) return nc;
  const subscribe: NatsConnection["subscribe"] = (subject, options = {}) => {
    const { callback } = options;
    if (!subject.startsWith("$SRV.") || callback === undefined) return nc.subscribe(subject, options);
    return nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        const { subject, data, reply: replyTo = "" } = message;
        if (
          error === null &&
          lock({ subject, data, replyTo, contentType: "", signature: "" }).kind !== "served"
        )
          return;
        callback(error, message);
      },
    });
  };
  return Object.create(nc, { subscribe: { value: subscribe } }) as NatsConnection;
}

function overloaded(inFlightMax: number): BusReply {
  const message = `${inFlightMax} requests are being answered already: try again a little later`;
  const error = { code: "OVERLOADED", message, retryable: true, detail: { inFlightMax } };
  return { data: new Uint8Array(), contentType: "", error };
}
