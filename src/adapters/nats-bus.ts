import {
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";
import type { Bus, BusReply, RequestHandler } from "../actors/bus.ts";
import type { OperatorTrail } from "../actors/operator-trail.ts";
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

/**
 * {@link Bus} over core NATS. The connection stays the caller's to close.
 *
 * @param trail - Keeps the requests of operators that are answered.
 */
export function natsBus(nc: NatsConnection, trail?: OperatorTrail): Bus {
  const requests = new NatsRequests(nc);
  const signer = signerOf(nc);
  const lock = lockOf(nc);
  return {
    async serve(subject, handler, options = {}) {
      const answering = new Set<Promise<unknown>>();
      const how = { lock, trail: trailOf(subject, trail) };
      const subscription = nc.subscribe(subject, {
        ...(options.queue === undefined ? {} : { queue: options.queue }),
        callback: (error, message) => {
          if (error !== null) return throwLater(error);
          const answer = answerMessage(message, handler, how);
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

/** What is done with a message beside answering it. */
export type AnswerHow = Readonly<{
  /** Looks at the message first. */
  lock: RequestLock | undefined;
  /** Is told of it: see {@link trailOf}. */
  trail: OperatorTrail | undefined;
  /** Whether its trace is read. */
  isTraced?: boolean;
}>;

/** The trail of a subject that only operators may ask; undefined of all others, whose requests leave none. */
export function trailOf(subject: string, trail: OperatorTrail | undefined): OperatorTrail | undefined {
  return trail?.keeps(subject) === true ? trail : undefined;
}

/**
 * Lets a handler answer a message, with headers for a failure.
 *
 * @returns What was answered, at once if the handler has it at once; undefined if the answer comes from elsewhere.
 */
export function answerMessage(
  message: IncomingMessage,
  handler: RequestHandler,
  { lock, trail, isTraced = false }: AnswerHow,
): Promise<BusReply | undefined> | BusReply | undefined {
  const { subject, data, reply: replyTo = "" } = message;
  const contentType = contentTypeOf(message.headers);
  const request = { subject, data, contentType, replyTo };
  let by: string | undefined;
  if (lock !== undefined) {
    const verdict = lock({ ...request, signature: signatureOf(message.headers) });
    if (verdict.kind !== "served") {
      const code = verdict.kind === "refused" ? verdict.error.code : "NO_INBOX";
      trail?.tell({ endpoint: subject, via: "nats", by, isServed: false, code });
      if (verdict.kind === "dropped") return undefined;
      return responded(message, failedReply(verdict.error, contentType));
    }
    by = verdict.by;
  }
  const producer = producerOf(message.headers);
  const traceparent = isTraced ? message.headers?.get(TRACE_HEADER) : undefined;
  const answer = answerRequest(handler, {
    ...request,
    ...(producer === undefined ? {} : { producer }),
    ...(traceparent ? { traceparent } : {}),
  });
  if (!(answer instanceof Promise)) return served(message, answer, trail, by);
  return answer.then((reply) => served(message, reply, trail, by));
}

function served(
  message: IncomingMessage,
  reply: BusReply | undefined,
  trail: OperatorTrail | undefined,
  by: string | undefined,
): BusReply | undefined {
  trail?.tell({ endpoint: message.subject, via: "nats", by, isServed: true, code: reply?.error?.code });
  return responded(message, reply);
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
