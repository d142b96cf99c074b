import type { Append, Log, LogMessage, LogReader, StreamOptions } from "../actors/log.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { trimmed, truncated } from "./log-gaps.ts";
import { subjectMatches } from "./subject-match.ts";

/** As long as JetStream's default. */
const DUPLICATE_WINDOW_MS = 120_000;
/** Messages of a range that are handed out together. */
const RANGE_MESSAGES = 1_024;

type Stream = {
  subjects: readonly string[];
  messages: LogMessage[];
  /** First sequence that is not trimmed. */
  first: number;
  /** Id to sequence and time, oldest first. */
  ids: Map<string, Readonly<{ sequence: number; atMs: number }>>;
  readers: Set<MemoryLogReader>;
};

/** {@link Log} in memory: the twin of the NATS adapter for tests and simulation. */
export class MemoryLog implements Log {
  readonly #streams = new Map<string, Stream>();
  readonly #clock: Clock;
  readonly #duplicateWindowMs: number;
  readonly #echo: (subject: string, data: Uint8Array) => void;

  /**
   * @param clock - Stamps the messages.
   * @param echo - Gets every message that names a subject, as a bus over the same servers would.
   * @param options - `duplicateWindowMs`: how long repeated ids are recognised.
   */
  constructor(
    clock: Clock,
    echo: (subject: string, data: Uint8Array) => void = () => undefined,
    options: { readonly duplicateWindowMs?: number } = {},
  ) {
    this.#clock = clock;
    this.#echo = echo;
    this.#duplicateWindowMs = options.duplicateWindowMs ?? DUPLICATE_WINDOW_MS;
  }

  async ensure(stream: string, options: StreamOptions = {}): Promise<void> {
    const subjects = options.subjects ?? [];
    const held = this.#streams.get(stream);
    if (held !== undefined) held.subjects = subjects;
    else this.#streams.set(stream, { subjects, messages: [], first: 1, ids: new Map(), readers: new Set() });
  }

  async append(stream: string, messages: readonly Append[]): Promise<number[]> {
    const target = this.#stream(stream);
    const sequences = messages.map((message) => this.#store(target, message));
    for (const reader of target.readers) reader.wakeUp();
    return sequences;
  }

  /**
   * Publishes to any subject that a stream keeps.
   *
   * @throws EngineError `LOG_UNAVAILABLE` if none does.
   */
  async publishTo(subject: string, id: string, data: Uint8Array): Promise<void> {
    const keeps = ([, { subjects }]: [string, Stream]): boolean =>
      subjects.some((pattern) => subjectMatches(pattern, subject));
    const stream = [...this.#streams].find(keeps)?.[0] ?? subject;
    await this.append(stream, [{ id, data, subject }]);
  }

  async read(stream: string, from: number): Promise<LogReader> {
    const target = this.#stream(stream);
    const { messages, readers } = target;
    if (from > messages.length + 1) throw truncated(stream, from, messages.length);
    if (from < target.first) throw trimmed(stream, from, target.first);
    const reader = new MemoryLogReader(target, stream, Math.max(1, from), () => readers.delete(reader));
    readers.add(reader);
    return reader;
  }

  async bounds(stream: string): Promise<Readonly<{ first: number; last: number }>> {
    const { first, messages } = this.#stream(stream);
    return { first, last: messages.length };
  }

  async last(stream: string): Promise<number> {
    return this.#stream(stream).messages.length;
  }

  async *range(stream: string, from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    const { first, messages } = this.#stream(stream);
    for (let at = Math.max(from, first); at <= to; at += RANGE_MESSAGES)
      yield messages.slice(at - 1, Math.min(to, at + RANGE_MESSAGES - 1));
  }

  async messagesAt(stream: string, sequences: readonly number[]): Promise<LogMessage[]> {
    const { first, messages } = this.#stream(stream);
    return sequences.flatMap((sequence) => (sequence < first ? [] : (messages[sequence - 1] ?? [])));
  }

  /** The names of all streams, for whoever looks on. */
  streams(): readonly string[] {
    return [...this.#streams.keys()];
  }

  /** Everything that a stream was ever given, also what is trimmed, for whoever looks on. */
  everStored(stream: string): readonly LogMessage[] {
    return this.#stream(stream).messages;
  }

  /** The last sequence of a stream, for whoever looks on. */
  lastOf(stream: string): number {
    return this.#stream(stream).messages.length;
  }

  async trim(stream: string, upTo: number, storedBeforeMs: number): Promise<number> {
    const target = this.#stream(stream);
    const { messages } = target;
    let { first } = target;
    while (first <= upTo && (messages[first - 1]?.storedAtMs ?? Number.POSITIVE_INFINITY) < storedBeforeMs)
      first++;
    target.first = first;
    return first;
  }

  async redact(stream: string, messages: readonly LogMessage[]): Promise<void> {
    const held = this.#stream(stream).messages;
    for (const { sequence, data } of messages) {
      const message = held[sequence - 1];
      if (message !== undefined) held[sequence - 1] = { ...message, data: data.slice(), isRedacted: true };
    }
  }

  #store(target: Stream, message: Append): number {
    const atMs = this.#clock.nowMs();
    this.#forget(target, atMs);
    const repeated = target.ids.get(message.id);
    if (repeated !== undefined) return repeated.sequence;
    const sequence = target.messages.length + 1;
    const { data, traceparent } = message;
    const traced = traceparent === undefined ? {} : { traceparent };
    target.messages.push({ sequence, storedAtMs: atMs, data: data.slice(), ...traced });
    target.ids.set(message.id, { sequence, atMs });
    if (message.subject !== undefined) this.#echo(message.subject, message.data.slice());
    return sequence;
  }

  #forget(target: Stream, nowMs: number): void {
    for (const [id, { atMs }] of target.ids) {
      if (nowMs - atMs < this.#duplicateWindowMs) return;
      target.ids.delete(id);
    }
  }

  #stream(name: string): Stream {
    const stream = this.#streams.get(name);
    if (stream !== undefined) return stream;
    const message = `stream ${name} does not exist`;
    throw new EngineError({ code: "LOG_UNAVAILABLE", message, retryable: true, detail: { stream: name } });
  }
}

class MemoryLogReader implements LogReader {
  readonly #of: Readonly<{ messages: readonly LogMessage[]; first: number }>;
  readonly #stream: string;
  readonly #onClose: () => void;
  #next: number;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(
    of: Readonly<{ messages: readonly LogMessage[]; first: number }>,
    stream: string,
    from: number,
    onClose: () => void,
  ) {
    this.#of = of;
    this.#stream = stream;
    this.#next = from;
    this.#onClose = onClose;
  }

  async next(max: number): Promise<readonly LogMessage[]> {
    while (!this.#closed && this.lag() === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#closed) return [];
    if (this.#next < this.#of.first) throw trimmed(this.#stream, this.#next, this.#of.first);
    const taken = this.#of.messages.slice(this.#next - 1, this.#next - 1 + max);
    this.#next += taken.length;
    return taken;
  }

  lag(): number {
    return this.#of.messages.length - (this.#next - 1);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose();
    this.wakeUp();
  }

  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
