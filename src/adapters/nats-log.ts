import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
  type StreamConfig,
} from "@nats-io/jetstream";
import { errors, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { Append, Log, LogReader, StreamOptions } from "../actors/log.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { appendAtomically } from "./nats-atomic-append.ts";
import { abilitiesOf } from "./nats-connection.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { isPassing, isUnanswered, logUnavailable } from "./nats-log-failure.ts";
import { NatsLogReader } from "./nats-log-reader.ts";

/** How a log is kept. */
export type NatsLogOptions = Readonly<{
  /** Copies of each stream in a cluster: 1, 3 or 5. */
  replicas?: number;
  /** Patience for an acknowledgement. */
  timeoutMs?: number;
  /** From this many messages on, they go as one atomic batch; 16 pays where the server syncs each write. */
  atomicFrom?: number;
}>;

/** Messages sent before the first is acknowledged, at most; the server takes batches of up to 1,000. */
const CHUNK = 1_000;
/**
 * From this many messages on, an atomic batch is faster than as many single publishes. Measured on server 2.15
 * (300 bytes, 2 cores): 100 messages 32,000/s either way, 500 messages 89,000/s against 35,000/s. With
 * `sync_interval: always` a batch is synced once: 500 messages 78,000/s, 100 single ones 4,400/s.
 */
const ATOMIC_FROM = 128;
/** The server recognises a repeated id this long. */
const DUPLICATE_WINDOW_MS = 120_000;
/** A cluster that has lost the server which led a stream elects another within 4 to 9 s. */
const TIMEOUT_MS = 20_000;
/** After this long without an answer the same messages are sent again: what went out as a connection broke is lost. */
const ATTEMPT_TIMEOUT_MS = 3_000;
/** Pause before a stream without a leader is tried again. */
const RETRY_MS = 100;
/** The server's code for a stream or a subject of a stream that does not exist. */
const STREAM_NOT_FOUND = 10059;
/** The server's code for a stream that exists with another configuration. */
const STREAM_NAME_IN_USE = 10058;

/** {@link Log} over JetStream: a stream of its own for each log, on file, with a subject of the same name. */
export class NatsLog implements Log {
  readonly #nc: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #replicas: number;
  readonly #timeoutMs: number;
  readonly #atomicFrom: number;
  /** Whether a stream takes atomic batches; asked once a stream. */
  readonly #atomic = new Map<string, boolean>();

  private constructor(nc: NatsConnection, jsm: JetStreamManager, options: NatsLogOptions) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#js = jetstream(nc);
    this.#replicas = options.replicas ?? 1;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#atomicFrom = options.atomicFrom ?? ATOMIC_FROM;
  }

  /** A log over a connection, which stays the caller's to close. */
  static async over(nc: NatsConnection, options: NatsLogOptions = {}): Promise<NatsLog> {
    const timeout = Math.min(options.timeoutMs ?? TIMEOUT_MS, ATTEMPT_TIMEOUT_MS);
    return new NatsLog(nc, await jetstreamManager(nc, { checkAPI: false, timeout }), options);
  }

  async ensure(stream: string, options: StreamOptions = {}): Promise<void> {
    const wanted = this.#configuration(stream, options);
    const { config } = await this.#patiently(stream, () => this.#makeOrUpdate(wanted));
    this.#atomic.set(stream, config.allow_atomic === true);
  }

  async append(stream: string, messages: readonly Append[]): Promise<number[]> {
    const sequences: number[] = [];
    for (let start = 0; start < messages.length; start += CHUNK) {
      const chunk = messages.slice(start, start + CHUNK);
      // What a broken connection got through was a beginning of the chunk, and its ids are known: order stays.
      const stored = await this.#patiently(stream, (timeoutMs) =>
        this.#appendChunk(stream, chunk, timeoutMs),
      );
      sequences.push(...stored);
    }
    return sequences;
  }

  /**
   * Publishes to any subject that a stream keeps, and answers once the stream has stored it.
   *
   * @throws EngineError `LOG_UNAVAILABLE` (retryable) if it may be missing.
   */
  async publishTo(subject: string, id: string, data: Uint8Array): Promise<void> {
    await this.#patiently(subject, (timeout) => this.#js.publish(subject, data, { msgID: id, timeout }));
  }

  async read(stream: string, from: number): Promise<LogReader> {
    return this.#patiently(stream, () => NatsLogReader.open(this.#nc, this.#jsm, stream, from));
  }

  async bounds(stream: string): Promise<Readonly<{ first: number; last: number }>> {
    const { state } = await this.#patiently(stream, () => this.#jsm.streams.info(stream));
    return { first: Math.max(1, state.first_seq), last: state.last_seq };
  }

  async trim(stream: string, upTo: number, storedBeforeMs: number): Promise<number> {
    const { first, last } = await this.bounds(stream);
    const keep = await this.#firstStoredFrom(stream, first, Math.min(upTo, last) + 1, storedBeforeMs);
    if (keep <= first) return first;
    await this.#patiently(stream, () => this.#jsm.streams.purge(stream, { seq: keep }));
    return keep;
  }

  /** The first sequence in [from, end) that was stored at or after a time; `end` if none was. By bisection. */
  async #firstStoredFrom(stream: string, from: number, end: number, atMs: number): Promise<number> {
    let [low, high] = [from, end];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const next = await this.#firstHeldFrom(stream, middle, high);
      if (next === undefined || next.time.getTime() >= atMs) high = middle;
      else low = next.seq + 1;
    }
    return low;
  }

  /** The first message in [from, end): those that were deleted singly, which is rare, tell no time. */
  async #firstHeldFrom(stream: string, from: number, end: number): Promise<StoredMsg | undefined> {
    for (let seq = from; seq < end; seq++) {
      const message = await this.#patiently(stream, () => this.#jsm.streams.getMessage(stream, { seq }));
      if (message !== null) return message;
    }
    return undefined;
  }

  /**
   * Tries again while the connection breaks, no answer comes or nobody leads, until the patience is used up.
   *
   * @throws EngineError `LOG_UNAVAILABLE`, or what the attempt throws of that kind.
   */
  async #patiently<Result>(
    subject: string,
    attempt: (timeoutMs: number) => Promise<Result>,
  ): Promise<Result> {
    const deadlineMs = performance.now() + this.#timeoutMs;
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      try {
        const isUp = await untilConnected(this.#nc, Math.max(0, leftMs));
        if (!isUp) throw new errors.RequestError("not connected");
        const timeoutMs = Math.max(1, Math.min(deadlineMs - performance.now(), ATTEMPT_TIMEOUT_MS));
        return await unlessBroken(this.#nc, attempt(timeoutMs));
      } catch (thrown) {
        if (thrown instanceof EngineError) throw thrown;
        if (!isPassing(thrown) || this.#nc.isClosed() || performance.now() >= deadlineMs)
          throw logUnavailable(subject, thrown);
        if (isUnanswered(thrown) && (await this.#isKeptByNone(subject)))
          throw logUnavailable(subject, thrown);
        if (!(thrown instanceof errors.TimeoutError)) await pause(RETRY_MS);
      }
    }
  }

  /** Whether the servers know of no stream with a subject; what they can't tell at the moment may be. */
  async #isKeptByNone(subject: string): Promise<boolean> {
    return this.#jsm.streams.find(subject).then(
      () => false,
      (thrown) => thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND,
    );
  }

  async #appendChunk(stream: string, chunk: readonly Append[], timeout: number): Promise<number[]> {
    if (chunk.length >= this.#atomicFrom && (await this.#isAtomic(stream))) {
      const appended = await appendAtomically(this.#nc, stream, chunk, timeout);
      if (appended.kind === "stored") return appended.sequences;
      // Refused as a whole, most often for a repeated id: singly, each repeat is recognised by itself.
    }
    const publish = ({ subject, id, data }: Append) =>
      this.#js.publish(subject ?? stream, data, { msgID: id, timeout });
    const acks = await Promise.all(chunk.map(publish));
    return acks.map((ack) => ack.seq);
  }

  async #isAtomic(stream: string): Promise<boolean> {
    const known = this.#atomic.get(stream);
    if (known !== undefined) return known;
    const { config } = await this.#jsm.streams.info(stream);
    this.#atomic.set(stream, config.allow_atomic === true);
    return config.allow_atomic === true;
  }

  #configuration(name: string, options: StreamOptions): Partial<StreamConfig> & { name: string } {
    return {
      name,
      subjects: [name, ...(options.subjects ?? [])],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      num_replicas: this.#replicas,
      duplicate_window: nanos(Math.min(DUPLICATE_WINDOW_MS, options.maxAgeMs ?? DUPLICATE_WINDOW_MS)),
      max_age: nanos(options.maxAgeMs ?? 0),
      max_bytes: options.maxBytes ?? -1,
      ...(abilitiesOf(this.#nc).atomicBatch ? { allow_atomic: true } : {}), // An older server would not know the field.
    };
  }

  async #makeOrUpdate(wanted: Partial<StreamConfig> & { name: string }) {
    try {
      return await this.#jsm.streams.add(wanted);
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError) || thrown.code !== STREAM_NAME_IN_USE) throw thrown;
      // It was made by an older server or under other limits. How many copies it has is its operator's to change.
      const { name, num_replicas: _replicas, ...changes } = wanted;
      return await this.#jsm.streams.update(name, changes);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
