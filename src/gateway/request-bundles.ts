import type { ContentType } from "../events/decode-request.ts";
import type { Arrival } from "../features/arrival.ts";

/** What one user's answer is asked by, of a shard. */
export type BundledRequest<Aspect> = Readonly<{
  shard: number;
  user: string;
  aspect: Aspect;
  type: ContentType;
  /** Where the shard sends the answer straight away; "" if it is to come back. */
  asker: string;
  /** How the user came, as the request tells. */
  arrival?: Arrival | undefined;
  /** The trace that it is a part of, if that is recorded. */
  trace?: string | undefined;
}>;

/** What a bundle asks a shard. */
export type BundleRequest<Aspect> = Aspect &
  Readonly<{
    users: readonly string[];
    type: ContentType;
    askers: readonly string[];
    arrivals?: readonly (readonly number[] | null)[];
    /** Traces that some of them are parts of. */
    traces?: readonly string[];
  }>;

type Bundle = {
  readonly users: string[];
  readonly askers: string[];
  /** Of the users in order, up to the last one whose arrival is told. */
  readonly arrivals: (readonly number[] | null)[];
  readonly traces: string[];
  /** How many of the answers come back. */
  returned: number;
  answered: Promise<readonly Uint8Array[]>;
};

/** Users a bundle: what a shard answers in less than a millisecond. */
const BUNDLE_MAX = 64;

/**
 * Asks a shard in one request for what came in within one turn of the event loop. Under load a request between gateway
 * and shard, which costs more than an answer, is so shared by many; a single one does not wait.
 */
export class RequestBundles<Aspect extends object> {
  readonly #ask: (shard: number, request: BundleRequest<Aspect>) => Promise<readonly Uint8Array[]>;
  readonly #keyOf: (aspect: Aspect) => string;
  readonly #open = new Map<string, Bundle>();

  /** @param keyOf - Tells aspects apart: those of one key are asked for together. */
  constructor(
    ask: (shard: number, request: BundleRequest<Aspect>) => Promise<readonly Uint8Array[]>,
    keyOf: (aspect: Aspect) => string,
  ) {
    this.#ask = ask;
    this.#keyOf = keyOf;
  }

  /** @returns The answer's bytes; undefined if they went to the asker. */
  async ask(request: BundledRequest<Aspect>): Promise<Uint8Array | undefined> {
    const { shard, user, aspect, type, asker, arrival, trace } = request;
    const key = `${shard} ${this.#keyOf(aspect)} ${type}`;
    let bundle = this.#open.get(key);
    if (bundle === undefined || bundle.users.length === BUNDLE_MAX) {
      bundle = this.#begin(key, request);
      this.#open.set(key, bundle);
    }
    const place = asker === "" ? bundle.returned++ : undefined;
    if (arrival !== undefined) {
      while (bundle.arrivals.length < bundle.users.length) bundle.arrivals.push(null);
      bundle.arrivals.push([...arrival]);
    }
    if (trace !== undefined) bundle.traces.push(trace);
    bundle.users.push(user);
    bundle.askers.push(asker);
    const answers = await bundle.answered;
    return place === undefined ? undefined : answers[place];
  }

  #begin(key: string, { shard, aspect, type }: BundledRequest<Aspect>): Bundle {
    const users: string[] = [];
    const askers: string[] = [];
    const arrivals: Bundle["arrivals"] = [];
    const traces: string[] = [];
    const bundle: Bundle = { users, askers, arrivals, traces, returned: 0, answered: Promise.resolve([]) };
    bundle.answered = Promise.resolve().then(() => {
      if (this.#open.get(key) === bundle) this.#open.delete(key);
      const told = arrivals.length === 0 ? {} : { arrivals };
      const traced = traces.length === 0 ? {} : { traces };
      return this.#ask(shard, { ...aspect, users, type, askers, ...told, ...traced });
    });
    return bundle;
  }
}
