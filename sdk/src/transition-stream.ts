import { errors, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Transition } from "./answers.ts";
import type { MapsShape, NameIn } from "./maps.ts";
import { forbidden } from "./requests.ts";
import { aborted } from "./resonance-error.ts";

/** Transitions one after another; ends with `return`, as a loop does that is left, and when the client closes. */
export type Transitions<
  Maps extends MapsShape = MapsShape,
  Name extends NameIn<Maps> = NameIn<Maps>,
> = AsyncIterableIterator<Transition<Maps, Name>> &
  Readonly<{
    /** Resolves once the server has the subscription: from then on none is missed while the connection is up. */
    ready: Promise<void>;
    /** Those that had to make room, since they were not taken in time. */
    readonly dropped: number;
    return(): Promise<IteratorResult<Transition<Maps, Name>>>;
  }>;

/** How transitions are listened to. */
export type StreamOptions = Readonly<{
  subject: string;
  /** Transitions that wait to be taken: when there are more, the oldest make room. */
  bufferMax: number;
  signal?: AbortSignal | undefined;
  onDropped?: ((dropped: number) => void) | undefined;
}>;

/** Ids by which a repeat is recognised. */
const REMEMBERED = 8_192;

type Done = IteratorReturnResult<undefined>;
type Taker = Readonly<{
  resolve(result: IteratorYieldResult<Transition> | Done): void;
  reject(error: Error): void;
}>;

/** Listens to transitions. A repeat, which an engine that was killed may publish, is left out by its id. */
export class TransitionStream implements AsyncIterableIterator<Transition> {
  readonly ready: Promise<void>;
  dropped = 0;
  readonly #options: StreamOptions;
  readonly #subscription: Subscription;
  readonly #waiting: Transition[] = [];
  readonly #takers: Taker[] = [];
  readonly #seen = new Set<string>();
  #failure: Error | undefined;
  #isOver = false;

  constructor(nc: NatsConnection, options: StreamOptions) {
    this.#options = options;
    this.#subscription = nc.subscribe(options.subject, {
      callback: (error, message) => {
        if (error !== null) this.#fail(denied(options.subject, error));
        else this.#heard(message.data);
      },
    });
    void this.#subscription.closed.then(() => this.#end());
    const { signal } = options;
    if (signal?.aborted === true) this.#fail(aborted(signal));
    else signal?.addEventListener("abort", () => this.#fail(aborted(signal)), { once: true });
    this.ready = nc.flush().then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
    this.ready.catch(() => {}); // Whoever does not wait for it hears of it by `next`.
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Transition, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined; // Told once: then it is over.
      return Promise.reject(failure);
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  return(): Promise<Done> {
    this.#waiting.length = 0;
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #heard(data: Uint8Array): void {
    const transition = JSON.parse(new TextDecoder().decode(data)) as Transition;
    if (this.#isOver || this.#seen.has(transition.id)) return;
    this.#remember(transition.id);
    const taker = this.#takers.shift();
    if (taker === undefined) this.#keep(transition);
    else taker.resolve({ done: false, value: transition });
  }

  #keep(transition: Transition): void {
    this.#waiting.push(transition);
    if (this.#waiting.length <= this.#options.bufferMax) return;
    this.#waiting.shift();
    this.dropped++;
    this.#options.onDropped?.(this.dropped);
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size <= REMEMBERED) return;
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest);
      return;
    }
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    const taker = this.#takers.shift();
    if (taker === undefined) this.#failure = error;
    else taker.reject(error);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#subscription.unsubscribe();
    for (const taker of this.#takers.splice(0)) taker.resolve({ done: true, value: undefined });
  }
}

function denied(subject: string, error: Error): Error {
  return error instanceof errors.PermissionViolationError ? forbidden(subject, error) : error;
}
