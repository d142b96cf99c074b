import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { errors, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { Append, Log, LogMessage, LogReader, StreamOptions } from "../actors/log.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { FasterWay } from "./faster-way.ts";
import { GroupAppender, type SentGroup } from "./group-appender.ts";
import { appendAtomically } from "./nats-atomic-append.ts";
import { abilitiesOf } from "./nats-connection.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { isPassing, isUnanswered, logUnavailable } from "./nats-log-failure.ts";
import { NatsLogReader } from "./nats-log-reader.ts";
import { NatsPipeline } from "./nats-pipeline.ts";
import { RedactedCopies } from "./nats-redacted-copies.ts";
import { readDirectly, StoredMessages } from "./nats-stored-messages.ts";

/** How a log is kept. */
export type NatsLogOptions = Readonly<{
  /** Copies of each stream in a cluster: 1, 3 or 5. */
  replicas?: number;
  /** Patience for an acknowledgement. */
  timeoutMs?: number;
  /** From this many messages on, a group may go as one atomic batch. */
  atomicFrom?: number;
  /** Whether the traces that put messages there are read with them. */
  isTraced?: boolean;
}>;

/** Messages of one group, at most; the server takes atomic batches of up to 1,000. */
const GROUP_MESSAGES = 1_000;
/** Groups of a stream on their way at a time: one is stored while the next is written and read. */
const GROUPS = 2;
/** Fewer messages wait for what is on its way: as one group with those that come meanwhile they cost less. */
const SECOND_FROM = 128;
/** Bytes of one group, unless a single call has more: its acknowledgements must come before the attempt times out. */
const GROUP_BYTES = 4_194_304;
/** An atomic batch is up to 2 ms of work for a server, however small. */
const ATOMIC_FROM = 16;
/** Messages that are redacted at the same time. */
const REDACTED_AT_ONCE = 64;
/** Messages of a range that a consumer hands out together. */
const RANGE_MESSAGES = 1_024;
/** So many redacted ones in a row are rare. */
const HOLES_MAX = 1_024;
const NONE: ReadonlyMap<number, unknown> = new Map();
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
  readonly #stored: StoredMessages;
  readonly #replicas: number;
  readonly #timeoutMs: number;
  readonly #atomicFrom: number;
  readonly #isTraced: boolean;
  readonly #pipeline: NatsPipeline;
  readonly #fasterWay = new FasterWay();
  readonly #appenders = new Map<string, GroupAppender>();
  readonly #redacted = new Map<string, RedactedCopies>();
  /** Whether a stream takes atomic batches; asked once a stream. */
  readonly #atomic = new Map<string, boolean>();

  private constructor(nc: NatsConnection, jsm: JetStreamManager, options: NatsLogOptions) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#stored = new StoredMessages(nc, jsm);
    this.#js = jetstream(nc);
    this.#pipeline = new NatsPipeline(nc);
    this.#replicas = options.replicas ?? 1;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#isTraced = options.isTraced ?? false;
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
    await this.#patiently(stream, () => readDirectly(this.#jsm, config));
  }

  async append(stream: string, messages: readonly Append[]): Promise<number[]> {
    if (messages.length === 0) return [];
    const appender = this.#appenderOf(stream);
    if (messages.length <= GROUP_MESSAGES) return appender.append(messages);
    const sequences: number[] = [];
    for (let start = 0; start < messages.length; start += GROUP_MESSAGES)
      sequences.push(...(await appender.append(messages.slice(start, start + GROUP_MESSAGES))));
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
    return this.#patiently(stream, () =>
      NatsLogReader.open(this.#nc, this.#jsm, this.#redactedOf(stream), { from, isTraced: this.#isTraced }),
    );
  }

  async bounds(stream: string): Promise<Readonly<{ first: number; last: number }>> {
    const { state } = await this.#patiently(stream, () => this.#jsm.streams.info(stream));
    const first = await this.#patiently(stream, () => this.#redactedOf(stream).begin(state.first_seq));
    return { first: Math.max(1, first), last: state.last_seq };
  }

  last(stream: string): Promise<number> {
    return this.#patiently(stream, () => this.#stored.last(stream));
  }

  async *range(stream: string, from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    if (!(await this.#patiently(stream, () => this.#stored.tellsGroups(stream)))) {
      yield* this.#consumed(stream, from, to);
      return;
    }
    for (let next = from; next <= to; ) {
      const group = await this.#patiently(stream, () => this.#stored.group(stream, next));
      const through = Math.min(to, group.at(-1)?.sequence ?? to);
      yield await this.#withCopies(stream, group, next, through);
      next = through + 1;
    }
  }

  /** Messages between two places, with what is left of redacted ones where some are missing. */
  async #withCopies(
    stream: string,
    group: readonly LogMessage[],
    from: number,
    to: number,
  ): Promise<LogMessage[]> {
    const held = group.filter(({ sequence }) => sequence <= to);
    if (held.length === to - from + 1) return held;
    const bySequence = new Map(held.map((message) => [message.sequence, message]));
    // A stream that was trimmed misses many, and none of those was redacted.
    const { first } =
      (held[0]?.sequence ?? to) - from > HOLES_MAX ? await this.bounds(stream) : { first: from };
    const missing: number[] = [];
    for (let sequence = Math.max(from, first); sequence <= to; sequence++)
      if (!bySequence.has(sequence)) missing.push(sequence);
    for (let at = 0; at < missing.length; at += REDACTED_AT_ONCE) {
      const some = missing.slice(at, at + REDACTED_AT_ONCE);
      const find = (): Promise<(LogMessage | undefined)[]> =>
        Promise.all(some.map((sequence) => this.#redactedOf(stream).find(sequence)));
      for (const copy of await this.#patiently(stream, find))
        if (copy !== undefined) bySequence.set(copy.sequence, copy);
    }
    return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
  }

  /** A range that a consumer reads. */
  async *#consumed(stream: string, from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    const { first } = await this.bounds(stream);
    const reader = await this.read(stream, Math.max(from, first));
    try {
      for (let read = Math.max(from, first) - 1; read < to; ) {
        const messages = await reader.next(RANGE_MESSAGES);
        if (messages.length === 0) return;
        read = messages.at(-1)?.sequence ?? to;
        yield read > to ? messages.filter(({ sequence }) => sequence <= to) : messages;
      }
    } finally {
      await reader.close();
    }
  }

  async messagesAt(stream: string, sequences: readonly number[]): Promise<readonly LogMessage[]> {
    const redacted = this.#redactedOf(stream);
    const copyOf = (sequence: number) => redacted.find(sequence);
    return this.#patiently(stream, () => this.#stored.at(stream, sequences, copyOf));
  }

  async redact(stream: string, messages: readonly LogMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const redacted = this.#redactedOf(stream);
    redacted.prepared ??= this.#prepare(redacted);
    try {
      await redacted.prepared;
    } catch (thrown) {
      redacted.prepared = undefined;
      throw thrown;
    }
    for (let at = 0; at < messages.length; at += REDACTED_AT_ONCE) {
      const some = messages.slice(at, at + REDACTED_AT_ONCE);
      await this.#patiently(stream, () => redacted.replace(this, some));
    }
  }

  async #prepare(redacted: RedactedCopies): Promise<void> {
    await this.ensure(redacted.name, { subjects: [redacted.subject("*")] });
    await this.#patiently(redacted.stream, () => redacted.tidy());
    const { first } = await this.bounds(redacted.stream);
    await redacted.keepBegin(this, first);
  }

  #redactedOf(stream: string): RedactedCopies {
    const known = this.#redacted.get(stream);
    if (known !== undefined) return known;
    const copies = new RedactedCopies(this.#jsm, this.#stored, stream);
    this.#redacted.set(stream, copies);
    return copies;
  }

  async trim(stream: string, upTo: number, storedBeforeMs: number): Promise<number> {
    const { first, last } = await this.bounds(stream);
    const keep = await this.#firstStoredFrom(stream, first, Math.min(upTo, last) + 1, storedBeforeMs);
    if (keep <= first) return first;
    await this.#patiently(stream, () => this.#redactedOf(stream).trim(this, keep));
    await this.#patiently(stream, () => this.#jsm.streams.purge(stream, { seq: keep }));
    return keep;
  }

  /** The first sequence in [from, end) that was stored at or after a time; `end` if none was. By bisection. */
  async #firstStoredFrom(stream: string, from: number, end: number, atMs: number): Promise<number> {
    let [low, high] = [from, end];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const next = await this.#firstHeldFrom(stream, middle, high);
      if (next === undefined || next.storedAtMs >= atMs) high = middle;
      else low = next.sequence + 1;
    }
    return low;
  }

  /** The first message in [from, end): those that were deleted singly, which is rare, tell no time. */
  async #firstHeldFrom(
    stream: string,
    from: number,
    end: number,
  ): Promise<Pick<LogMessage, "sequence" | "storedAtMs"> | undefined> {
    for (let seq = from; seq < end; seq++) {
      const message = await this.#patiently(stream, () => this.#stored.find(stream, { seq }));
      if (message !== undefined) return message;
      const copy = await this.#patiently(stream, () => this.#redactedOf(stream).find(seq));
      if (copy !== undefined) return copy;
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
        if (!(await this.#recovered(subject, thrown))) throw logUnavailable(subject, thrown);
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

  #appenderOf(stream: string): GroupAppender {
    const known = this.#appenders.get(stream);
    if (known !== undefined) return known;
    const appender = new GroupAppender(
      {
        // What a broken connection got through was a beginning of the group, and its ids are known: order stays.
        send: (messages, timeoutMs) => this.#send(stream, messages, timeoutMs),
        isPassing: (thrown) => !this.#nc.isClosed() && isPassing(thrown),
        recovered: (thrown) => this.#recovered(stream, thrown),
        toError: (thrown) => (thrown instanceof EngineError ? thrown : logUnavailable(stream, thrown)),
        monotonicMs: () => performance.now(),
      },
      {
        groupsMax: GROUPS,
        secondFrom: SECOND_FROM,
        messagesMax: GROUP_MESSAGES,
        bytesMax: GROUP_BYTES,
        patienceMs: this.#timeoutMs,
        attemptMs: ATTEMPT_TIMEOUT_MS,
      },
    );
    this.#appenders.set(stream, appender);
    return appender;
  }

  async #send(stream: string, messages: readonly Append[], timeoutMs: number): Promise<SentGroup> {
    const untilMs = performance.now() + timeoutMs;
    if (!(await untilConnected(this.#nc, timeoutMs))) throw new errors.RequestError("not connected");
    const left = (): number => Math.max(1, untilMs - performance.now());
    const single = (): Promise<SentGroup> =>
      unlessBroken(this.#nc, this.#pipeline.send(stream, messages, left()));
    if (messages.length < this.#atomicFrom || !(await this.#isAtomic(stream))) return single();
    const way = this.#fasterWay.next();
    const startedMs = performance.now();
    const took = (): void => this.#fasterWay.took(way, messages.length, performance.now() - startedMs);
    if (way === "single") {
      const sent = await single();
      took();
      return sent;
    }
    try {
      return (await this.#sendAtomically(stream, messages, left())) ?? (await single());
    } finally {
      took(); // With what a refusal cost, so that one that is refused again and again is not the faster way.
    }
  }

  /** Sends messages as a whole. @returns Undefined if they can't go as a whole: singly it is told which can't. */
  async #sendAtomically(
    stream: string,
    messages: readonly Append[],
    timeoutMs: number,
  ): Promise<SentGroup | undefined> {
    try {
      const appended = await unlessBroken(this.#nc, appendAtomically(this.#nc, stream, messages, timeoutMs));
      // It is refused for one repeated id, most often.
      return appended.kind === "stored" ? { sequences: appended.sequences, failures: NONE } : undefined;
    } catch (thrown) {
      if (isPassing(thrown)) throw thrown;
      return undefined; // One is larger than the server takes.
    }
  }

  /** Waits a little after a failure. @returns False if no server knows of the stream: waiting does not help. */
  async #recovered(subject: string, thrown: unknown): Promise<boolean> {
    if (isUnanswered(thrown) && (await this.#isKeptByNone(subject))) return false;
    if (!(thrown instanceof errors.TimeoutError)) await pause(RETRY_MS);
    return true;
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
      allow_direct: this.#replicas === 1,
      ...(abilitiesOf(this.#nc).atomicBatch ? { allow_atomic: true } : {}), // An older server would not know the field.
    };
  }

  async #makeOrUpdate(wanted: Partial<StreamConfig> & { name: string }) {
    try {
      return await this.#jsm.streams.add(wanted);
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError) || thrown.code !== STREAM_NAME_IN_USE) throw thrown;
      // It was made by an older server or under other limits. How many copies it has is its operator's to change,
      // and whether it is read directly follows from that.
      const { name, num_replicas: _replicas, allow_direct: _direct, ...changes } = wanted;
      return await this.#jsm.streams.update(name, changes);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
