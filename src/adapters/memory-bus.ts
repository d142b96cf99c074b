import type { Bus, BusReply, BusRequest, RequestHandler } from "../actors/bus.ts";
import { answerRequest, noResponders, timedOut } from "./answer-request.ts";
import { subjectMatches } from "./subject-match.ts";

/** Calls back after a time unless cancelled; a simulation hands in its own. */
export type Timer = (afterMs: number, callback: () => void) => () => void;

type Server = { subject: string; queue: string | undefined; handler: RequestHandler };
type Listener = { subject: string; handler: (subject: string, data: Uint8Array) => void };

/**
 * {@link Bus} in memory: the twin of the NATS adapter for tests and simulation. Bytes are copied, and handlers run
 * in a later microtask, as if they had come over a wire. The servers of a queue take turns.
 */
export function memoryBus(timer: Timer = machineTimer): Bus {
  const servers = new Set<Server>();
  const listeners = new Set<Listener>();
  const inboxes = new Map<string, (reply: BusReply) => void>();
  let turn = 0;
  let requests = 0;

  const serversOf = (subject: string): Server[] => {
    const matching = [...servers].filter((server) => subjectMatches(server.subject, subject));
    const alone = matching.filter((server) => server.queue === undefined);
    const queues = Map.groupBy(
      matching.filter((server) => server.queue !== undefined),
      (server) => server.queue,
    );
    turn += 1;
    const chosen = [...queues.values()].map((members) => members[turn % members.length]);
    return [...alone, ...chosen.filter((server) => server !== undefined)];
  };

  return {
    async serve(subject, handler, options = {}) {
      const server: Server = { subject, queue: options.queue, handler };
      const answering = new Set<Promise<unknown>>();
      server.handler = (request) => {
        const answer = Promise.resolve(answerRequest(handler, request));
        answering.add(answer);
        void answer.finally(() => answering.delete(answer));
        return answer;
      };
      servers.add(server);
      return {
        async close() {
          servers.delete(server);
          await Promise.allSettled(answering);
        },
      };
    },

    async request(subject, data, { timeoutMs, contentType = "" }) {
      const chosen = serversOf(subject);
      if (chosen.length === 0) throw noResponders(subject);
      const replyTo = `inbox.${++requests}`;
      const answered = new Promise<BusReply>((resolve) => inboxes.set(replyTo, resolve));
      for (const server of chosen) {
        const request: BusRequest = { subject, data: data.slice(), contentType, replyTo };
        void Promise.resolve()
          .then(() => server.handler(request))
          .then((reply) => {
            if (reply !== undefined) inboxes.get(replyTo)?.(reply);
          });
      }
      return within(timer, timeoutMs, subject, answered).finally(() => inboxes.delete(replyTo));
    },

    answer(replyTo, reply) {
      const copy = { ...reply, data: reply.data.slice() };
      queueMicrotask(() => inboxes.get(replyTo)?.(copy));
    },

    publish(subject, data) {
      const copy = data.slice();
      for (const listener of listeners) {
        if (!subjectMatches(listener.subject, subject)) continue;
        queueMicrotask(() => {
          if (listeners.has(listener)) listener.handler(subject, copy);
        });
      }
    },

    async subscribe(subject, handler) {
      const listener: Listener = { subject, handler };
      listeners.add(listener);
      return {
        async close() {
          listeners.delete(listener);
        },
      };
    },
  };
}

async function within(
  timer: Timer,
  timeoutMs: number,
  subject: string,
  answer: Promise<BusReply>,
): Promise<BusReply> {
  return new Promise((resolve, reject) => {
    const cancel = timer(timeoutMs, () => reject(timedOut(subject, timeoutMs)));
    answer.then(resolve, reject).finally(cancel);
  });
}

function machineTimer(afterMs: number, callback: () => void): () => void {
  const timeout = setTimeout(callback, afterMs);
  return () => clearTimeout(timeout);
}
