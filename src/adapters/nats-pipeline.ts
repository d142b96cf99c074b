import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { Append } from "../actors/log.ts";
import type { SentGroup } from "./group-appender.ts";
import { newInbox } from "./nats-peer.ts";
import { readPublishAck } from "./publish-ack.ts";
import { traceLine, writtenHeaders } from "./written-headers.ts";

/** Messages on their way, and what is known of them so far. */
type Flight = {
  readonly sequences: number[];
  readonly failures: Map<number, unknown>;
  /** Places not answered yet: a cluster may answer one twice. */
  readonly open: Uint8Array;
  missing: number;
  readonly done: () => void;
};

/**
 * Publishes messages each of which a stream acknowledges, many at a time over one inbox.
 *
 * The client library's `publish` has a request, a timer, a promise and an object of headers for each message (25 us);
 * here a whole group shares them.
 */
export class NatsPipeline {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #flights = new Map<number, Flight>();
  readonly #header = writtenHeaders();
  #next = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#inbox = `${newInbox(nc)}.`;
    nc.subscribe(`${this.#inbox}*.*`, { callback: (error, message) => this.#take(error, message) });
  }

  /**
   * Sends messages in order and resolves once each is answered for.
   *
   * @param subject - Of messages that name none.
   * @throws TimeoutError if an answer is missing: then nothing is told of the others either.
   */
  async send(subject: string, messages: readonly Append[], timeoutMs: number): Promise<SentGroup> {
    const number = this.#next++;
    const { length } = messages;
    let timer: NodeJS.Timeout | undefined;
    const sequences: number[] = new Array<number>(length).fill(0);
    const failures = new Map<number, unknown>();
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new errors.TimeoutError()), timeoutMs);
        const flight = {
          sequences,
          failures,
          open: new Uint8Array(length).fill(1),
          missing: length,
          done: resolve,
        };
        this.#flights.set(number, flight);
        this.#publish(subject, messages, number, flight);
      });
    } finally {
      clearTimeout(timer);
      this.#flights.delete(number);
    }
    return { sequences, failures };
  }

  #publish(subject: string, messages: readonly Append[], number: number, flight: Flight): void {
    const reply = `${this.#inbox}${number}.`;
    for (let place = 0; place < messages.length; place++) {
      const message = messages[place];
      if (message === undefined) continue;
      try {
        this.#header.write(message.id, traceLine(message.traceparent));
        this.#nc.publish(message.subject ?? subject, message.data, {
          headers: this.#header.headers,
          reply: `${reply}${place}`,
        });
      } catch (thrown) {
        answer(flight, place, thrown); // Larger than the server takes, or the connection is closed.
      }
    }
  }

  #take(error: Error | null, message: Msg): void {
    if (error !== null) return; // The subscription was refused: the timeouts tell.
    const { subject } = message;
    const dot = subject.lastIndexOf(".");
    const flight = this.#flights.get(Number(subject.slice(this.#inbox.length, dot)));
    if (flight === undefined) return; // It was given up.
    const place = Number(subject.slice(dot + 1));
    const { data } = message;
    if (data.length === 0 && message.headers?.code === NO_RESPONDERS) {
      const cause = new errors.NoRespondersError(subject);
      answer(flight, place, new errors.RequestError(cause.message, { cause }));
      return;
    }
    const ack = readPublishAck(data);
    if (typeof ack === "number") answer(flight, place, undefined, ack);
    else answer(flight, place, new JetStreamApiError(ack));
  }
}

/** The status of an answer that nobody gave. */
const NO_RESPONDERS = 503;

function answer(flight: Flight, place: number, failure: unknown, sequence = 0): void {
  if (flight.open[place] !== 1) return;
  flight.open[place] = 0;
  if (failure === undefined) flight.sequences[place] = sequence;
  else flight.failures.set(place, failure);
  flight.missing--;
  if (flight.missing === 0) flight.done();
}
