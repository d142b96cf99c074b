import {
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";
import type { Bus, BusReply, RequestHandler } from "../actors/bus.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { answerRequest, failedReply, noResponders } from "./answer-request.ts";
import { lockOf, signerOf } from "./nats-peer.ts";
import { NatsRequests } from "./nats-requests.ts";
import {
  contentTypeOf,
  messageToReply,
  producerOf,
  replyToMessage,
  requestHeaders,
  signatureOf,
} from "./nats-wire-error.ts";
import type { RequestLock } from "./request-lock.ts";
import { TRACE_HEADER } from "./traceparent.ts";

/** {@link Bus} over core NATS. The connection stays the caller's to close. */
export function natsBus(nc: NatsConnection): Bus {
  const requests = new NatsRequests(nc);
  const signer = signerOf(nc);
  const lock = lockOf(nc);
  return {
    async serve(subject, handler, options = {}) {
      const answering = new Set<Promise<unknown>>();
      const subscription = nc.subscribe(subject, {
        ...(options.queue === undefined ? {} : { queue: options.queue }),
        callback: (error, message) => {
          if (error !== null) return throwLater(error);
          const answer = answerMessage(message, handler, lock);
          if (!(answer instanceof Promise)) return;
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

    async request(subject, data, { timeoutMs, contentType }) {
      try {
        const plain = requestHeaders(contentType);
        const headersFor = (replyTo: string): { headers?: MsgHdrs } => {
          const signature = signer?.({ subject, replyTo, contentType: contentType ?? "", data });
          return signature === undefined ? plain : requestHeaders(contentType, signature);
        };
        const reply = await requests.request(subject, data, { timeoutMs, headersFor });
        return messageToReply(reply.data, reply.headers);
      } catch (thrown) {
        throw requestFailure(thrown, subject);
      }
    },

    answer(replyTo, reply) {
      const { data, ...header } = replyToMessage(reply);
      try {
        nc.publish(replyTo, data, header);
      } catch (thrown) {
        if (isTooLarge(thrown)) throw tooLarge(replyTo, data.byteLength, thrown);
        // The connection is closed: nobody can be told.
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
export type IncomingMessage = Pick<Msg, "subject" | "data" | "headers" | "reply" | "respond">;

/**
 * Lets a handler answer a message, with headers for a failure.
 *
 * @param lock - Looks at the message first, if there is one.
 * @param isTraced - Whether its trace is read.
 * @returns What was answered, at once if the handler has it at once; undefined if the answer comes from elsewhere.
 */
export function answerMessage(
  message: IncomingMessage,
  handler: RequestHandler,
  lock?: RequestLock,
  isTraced = false,
): Promise<BusReply | undefined> | BusReply | undefined {
  const { subject, data, reply: replyTo = "" } = message;
  const contentType = contentTypeOf(message.headers);
  const request = { subject, data, contentType, replyTo };
  if (lock !== undefined) {
    const verdict = lock({ ...request, signature: signatureOf(message.headers) });
    if (verdict.kind === "dropped") return undefined;
    if (verdict.kind === "refused") return responded(message, failedReply(verdict.error, contentType));
  }
  const producer = producerOf(message.headers);
  const traceparent = isTraced ? message.headers?.get(TRACE_HEADER) : undefined;
  const answer = answerRequest(handler, {
    ...request,
    ...(producer === undefined ? {} : { producer }),
    ...(traceparent ? { traceparent } : {}),
  });
  if (!(answer instanceof Promise)) return responded(message, answer);
  return answer.then((reply) => responded(message, reply));
}

function responded(message: IncomingMessage, reply: BusReply | undefined): BusReply | undefined {
  if (reply !== undefined) respond(message, reply);
  return reply;
}

/** Sends a reply; one that the server would refuse for its size becomes an error that says so. */
export function respond(message: IncomingMessage, reply: BusReply): void {
  const { data, ...header } = replyToMessage(reply);
  try {
    message.respond(data, header);
  } catch (thrown) {
    if (!isTooLarge(thrown)) return; // The connection is closed: nobody can be told.
    const error = tooLarge(message.subject, data.byteLength, thrown).toWire();
    const refusal = replyToMessage({ data: new Uint8Array(), contentType: reply.contentType, error });
    message.respond(refusal.data, { ...(refusal.headers === undefined ? {} : { headers: refusal.headers }) });
  }
}

function requestFailure(thrown: unknown, subject: string): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (isTooLarge(thrown)) return tooLarge(subject, undefined, thrown);
  return noResponders(subject, thrown);
}

function isTooLarge(thrown: unknown): thrown is Error {
  return thrown instanceof errors.InvalidArgumentError;
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
