import type { Producer } from "../actors/bus.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { type Rate, RateLimiter } from "./rate-limiter.ts";

/** Limits on events a second; what is left out has none. */
export type IngestRates = Readonly<{
  /** Of all that comes to this gateway. */
  gateway?: Rate;
  /** Of each producer that is known by name, unless its key says otherwise, and of all that tell no name together. */
  producer?: Rate;
  /** Of each user, by whomever their events are sent. */
  user?: Rate;
}>;

/** Producers whose buckets are remembered. */
const PRODUCERS_MAX = 10_000;
/** The one key of limits that all share. */
const ALL = "";

/** The token buckets in front of `ingest`: one for the gateway, one a producer, one for whoever tells no name, one a user. */
export class IngestLimits {
  readonly #rates: IngestRates;
  readonly #gateway = new RateLimiter(1);
  readonly #producers = new RateLimiter(PRODUCERS_MAX);
  /** Apart from those with names, so that no made-up names can push it out and make it new. */
  readonly #unnamed = new RateLimiter(1);
  readonly #users = new RateLimiter();

  constructor(rates: IngestRates) {
    this.#rates = rates;
  }

  /**
   * Lets a request in, whole or not at all. Names of producers may be made up where nobody checks them, so what is named
   * counts for the gateway too. To tell none gains nothing: all who do so share what one producer may.
   *
   * @param nowMs - Of a clock that never goes back.
   * @throws EngineError `RATE_LIMITED` (retryable), with `retryAfterMs` and the `limit` in its detail.
   */
  admit(producer: Producer | undefined, events: number, nowMs: number): void {
    const ofGateway = this.#rates.gateway;
    const ofProducer = producer?.rate ?? this.#rates.producer;
    const buckets = producer === undefined ? this.#unnamed : this.#producers;
    const name = producer?.name ?? ALL;
    const waits = {
      gateway: ofGateway === undefined ? 0 : this.#gateway.waitMs(ALL, ofGateway, events, nowMs),
      producer: ofProducer === undefined ? 0 : buckets.waitMs(name, ofProducer, events, nowMs),
    };
    if (waits.gateway > 0 || waits.producer > 0) {
      const ofSender = producer === undefined ? "unnamed producers" : "producer";
      throw rateLimited(
        waits.producer > waits.gateway ? ofSender : "gateway",
        Math.max(waits.gateway, waits.producer),
      );
    }
    if (ofGateway !== undefined) this.#gateway.take(ALL, ofGateway, events, nowMs);
    if (ofProducer !== undefined) buckets.take(name, ofProducer, events, nowMs);
  }

  /** Lets one event of a user in. @returns How long they have to wait if it is not let in, ms; else 0. */
  admitEventOf(user: string, nowMs: number): number {
    const rate = this.#rates.user;
    if (rate === undefined) return 0;
    const waitMs = this.#users.waitMs(user, rate, 1, nowMs);
    if (waitMs === 0) this.#users.take(user, rate, 1, nowMs);
    return waitMs;
  }
}

/** More came than may; it may come after a while. */
export function rateLimited(limit: string, retryAfterMs: number): EngineError<"RATE_LIMITED"> {
  const message = `more comes than the limit of the ${limit} allows: try again in ${retryAfterMs} ms`;
  return new EngineError({ code: "RATE_LIMITED", message, retryable: true, detail: { limit, retryAfterMs } });
}
