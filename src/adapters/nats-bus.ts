import { errors, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Bus, BusReply } from "../actors/bus.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { answerRequest, noResponders, type RequestHandler, timedOut } from "./answer-request.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { contentTypeOf, messageToReply, replyToMessage, requestHeaders } from "./nats-wire-error.ts";

/** {@link Bus} over core NATS. The connection stays the caller's to close. */
export function natsBus(nc: NatsConnection): Bus {
  return {
    async serve(subject, handler, options = {}) {
      const answering = new Set<Promise<BusReply>>();
      const subscription = nc.subscribe(subject, {
        ...(options.queue === undefined ? {} : { queue: options.queue }),
        callback: (error, message) => {
          if (error !== null) return throwLater(error);
          const answer = answerMessage(message, handler);
          answering.add(answer);
          void answer.finally(() => answering.delete(answer));
        },
      });
      await nc.flush(); // Until the server has it, a request meets "no responders".
      return {
        async close() {
          await drained(nc, subscription);
          await Promise.allSettled(answering);
        },
      };
    },

    async request(subject, data, options) {
      const { timeoutMs, contentType } = options;
      try {
        const startedMs = performance.now();
        await untilConnected(nc, timeoutMs);
        const timeout = Math.max(1, timeoutMs - (performance.now() - startedMs));
        const answer = nc.request(subject, data, { timeout, ...requestHeaders(contentType) });
        const reply = await unlessBroken(nc, answer);
        return messageToReply(reply.data, reply.headers);
      } catch (thrown) {
        throw requestFailure(thrown, subject, timeoutMs);
      }
    },

    publish(subject, data) {
      nc.publish(subject, data);
    },

    async subscribe(subject, handler) {
      const subscription = nc.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return throwLater(error);
          try {
            handler(message.subject, message.data);
          } catch (thrown) {
            throwLater(thrown); // Inside the callback it would break the connection's parser off.
          }
        },
      });
      await nc.flush();
      return { close: () => drained(nc, subscription) };
    },
  };
}

/** A request that waits for its answer. */
export type IncomingMessage = Pick<Msg, "subject" | "data" | "headers" | "respond">;

/** Lets a handler answer a message, with headers for a failure. */
export async function answerMessage(message: IncomingMessage, handler: RequestHandler): Promise<BusReply> {
  const contentType = contentTypeOf(message.headers);
  const reply = await answerRequest(handler, { subject: message.subject, data: message.data, contentType });
  respond(message, reply);
  return reply;
}

/** Sends a reply; one that the server would refuse for its size becomes an error that says so. */
export function respond(message: IncomingMessage, reply: BusReply): void {
  const { data, headers } = replyToMessage(reply);
  try {
    message.respond(data, { headers });
  } catch (thrown) {
    if (!(thrown instanceof errors.InvalidArgumentError)) return; // The connection is closed: nobody can be told.
    const error = tooLarge(message.subject, data.byteLength, thrown).toWire();
    const refusal = replyToMessage({ data: new Uint8Array(), contentType: reply.contentType, error });
    message.respond(refusal.data, { headers: refusal.headers });
  }
}

function requestFailure(thrown: unknown, subject: string, timeoutMs: number): EngineError {
  if (thrown instanceof errors.TimeoutError) return timedOut(subject, timeoutMs, thrown);
  if (thrown instanceof errors.InvalidArgumentError) return tooLarge(subject, undefined, thrown);
  return noResponders(subject, thrown); // None there, or the connection broke before the answer.
}

function tooLarge(subject: string, sizeBytes: number | undefined, cause: Error): EngineError {
  return new EngineError({
    code: "MESSAGE_TOO_LARGE",
    message: `a message of ${subject} is larger than the NATS server takes (max_payload): ask for less at once`,
    retryable: false,
    detail: { subject, sizeBytes },
    cause,
  });
}

async function drained(nc: NatsConnection, subscription: Subscription): Promise<void> {
  if (!nc.isClosed() && !subscription.isClosed()) await subscription.drain();
}

/** A subscription that the server refused, or a handler that failed, must not pass in silence. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
