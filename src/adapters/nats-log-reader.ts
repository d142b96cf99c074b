import { AckPolicy, DeliverPolicy, type JetStreamManager, type StreamState } from "@nats-io/jetstream";
import { type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";
import type { LogMessage, LogReader } from "../actors/log.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { trimmed, truncated } from "./log-gaps.ts";
import { unlessBroken, untilConnected } from "./nats-connectivity.ts";
import { newInbox } from "./nats-peer.ts";
import { type Place, placeOf } from "./nats-place.ts";
import type { RedactedCopies } from "./nats-redacted-copies.ts";
import { TRACE_HEADER } from "./traceparent.ts";

/** Messages asked for and not handed out yet, at most: bounds the memory of a reader to 4,096 events. */
const WINDOW = 4_096;
/** The server says this often that it is still there while it has nothing to deliver. */
const HEARTBEAT_MS = 1_000;
/** A pull request ends by itself after this long, so that none outlives its reader. */
const PULL_EXPIRES_MS = 30_000;
/** Checks without a sign of life before the consumer is made anew. */
const SILENT_CHECKS_MAX = 2;
/** After so many signs of life without a message the stream is asked whether there is more. */
const IDLE_BEATS = 5;
/** The server drops a consumer that nobody has asked for this long. */
const INACTIVE_MS = 300_000;
/** The wait for a broken connection is looked at again this often, in case the reader was closed. */
const RECONNECT_PATIENCE_MS = 1_000;
/** A replicated stream that seems to have lost messages is looked at so often, this far apart, before that is told. */
const LOOKS_MAX = 20;
const LOOK_AGAIN_MS = 250;
/** Copies of redacted messages asked for at once. */
const COPIES_AT_ONCE = 64;
const RETRY_FIRST_MS = 50;
const RETRY_LAST_MS = 1_000;

/** Messages that were not delivered: those from one sequence to before another. */
type Hole = Readonly<{
  from: number;
  to: number;
  /** Whether two consumers have shown it. */
  isSure: boolean;
  /** Whether the stream begins behind it: without copies it was trimmed. */
  isTrimmed: boolean;
  /** What is left of them; an error if nobody could tell. */
  found: Promise<LogMessage[] | Error>;
}>;

type ReadHow = Readonly<{
  /** First sequence wanted, from 1. */
  from: number;
  /** Whether the traces that put messages there are read. */
  isTraced: boolean;
}>;

function isHole(one: LogMessage | Hole): one is Hole {
  return "found" in one;
}

/**
 * Reads one stream through an ephemeral, unfiltered pull consumer.
 *
 * The consumer's own numbering proves that nothing was lost between server and reader. On a hole in it, on silence
 * and after every reconnect, the consumer is made anew from the last message that arrived. The client library's
 * ordered consumer does the same, but waits up to 30 s before it tries again after a server restart.
 */
export class NatsLogReader implements LogReader {
  readonly #nc: NatsConnection;
  readonly #jsm: JetStreamManager;
  readonly #stream: string;
  readonly #redacted: RedactedCopies;
  /** Headers are read only for traces: that costs more than all else about a message. */
  readonly #isTraced: boolean;
  #next: number;
  /** Written for each message. */
  readonly #place: Place = { sequence: 0, delivery: 0, storedAtMs: 0, pending: 0 };
  #buffer: (LogMessage | Hole)[] = [];
  /** The stream's last sequence when the consumer was made. */
  #lastAtOpen = 0;
  /** Holes in the buffer. */
  #holes = 0;
  #asked = 0;
  #delivered = 0;
  #pending = 0;
  #silentChecks = 0;
  /** Copies of the stream, as last known. */
  #replicas = 1;
  /** Signs of life in a row without a message. */
  #idleBeats = 0;
  /** Where a hole in the stream's sequence was seen; a second time proves that the messages are deleted. */
  #holeAt = 0;
  #consumer = "";
  /** Where messages come to; empty while a consumer is made. */
  #inbox = "";
  #subscription: Subscription | undefined;
  /** Attempts to make a consumer: the newest one counts, whichever is answered first. */
  #attempt = 0;
  /** Where the consumer began. */
  #startedAt = 0;
  #closed = false;
  #failure: EngineError | undefined;
  #wake: (() => void) | undefined;
  readonly #watchdog: NodeJS.Timeout;
  readonly #statuses: { stop?: () => void } & AsyncIterable<{ type: string }>;

  private constructor(
    nc: NatsConnection,
    jsm: JetStreamManager,
    redacted: RedactedCopies,
    { from, isTraced }: ReadHow,
  ) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#redacted = redacted;
    this.#stream = redacted.stream;
    this.#next = Math.max(1, from);
    this.#isTraced = isTraced;
    this.#watchdog = setInterval(() => this.#checkLife(), HEARTBEAT_MS * 1.25).unref();
    this.#statuses = nc.status();
  }

  /**
   * @param redacted - The stream's.
   * @throws EngineError `LOG_TRUNCATED` or `LOG_TRIMMED`; what the client throws if the stream is out of reach.
   */
  static async open(
    nc: NatsConnection,
    jsm: JetStreamManager,
    redacted: RedactedCopies,
    how: ReadHow,
  ): Promise<NatsLogReader> {
    const reader = new NatsLogReader(nc, jsm, redacted, how);
    try {
      await reader.#openConsumer(++reader.#attempt);
    } catch (thrown) {
      await reader.close();
      throw thrown;
    }
    void reader.#followConnection();
    return reader;
  }

  async next(max: number): Promise<readonly LogMessage[]> {
    for (;;) {
      while (this.#buffer.length === 0) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#closed) return [];
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#closed) return [];
      const holeAt = this.#holes === 0 ? -1 : this.#buffer.findIndex(isHole);
      if (holeAt === 0) {
        await this.#fillFirst();
        continue;
      }
      const ready = Math.min(max, holeAt < 0 ? this.#buffer.length : holeAt);
      const taken = ready === this.#buffer.length ? this.#buffer : this.#buffer.splice(0, ready);
      if (taken === this.#buffer) this.#buffer = [];
      this.#ask();
      return taken as LogMessage[]; // The first hole is behind them.
    }
  }

  /** Puts what is left of redacted messages into the hole in front of the buffer. */
  async #fillFirst(): Promise<void> {
    const buffer = this.#buffer;
    const hole = buffer[0] as Hole;
    const found = await hole.found;
    if (this.#buffer !== buffer || buffer[0] !== hole) return; // Meanwhile it was given up, or closed.
    if (found instanceof Error) {
      this.#rewindTo(hole.from);
      return;
    }
    const isWhole = found.length === hole.to - hole.from;
    if (!isWhole && hole.isTrimmed) {
      this.#fail(trimmed(this.#stream, hole.from, hole.to));
      this.#buffer = [];
      this.#holes = 0;
      return;
    }
    if (!isWhole && !hole.isSure) {
      this.#holeAt = hole.from; // Deleted, or not delivered? A second consumer shows it.
      this.#rewindTo(hole.from);
      return;
    }
    this.#holes--;
    buffer.splice(0, 1, ...found);
  }

  /** Forgets what came from a sequence on, which is in front of the buffer, to get it again. */
  #rewindTo(sequence: number): void {
    this.#next = sequence;
    this.#buffer = [];
    this.#holes = 0;
    this.#reopen();
  }

  /** Asks for what is left of the messages from one sequence to before another. */
  #hole(from: number, to: number, isTrimmed = false): void {
    const found = this.#copies(from, to).catch((thrown: unknown) =>
      thrown instanceof Error ? thrown : new Error(String(thrown)),
    );
    const isSure = this.#holeAt === from && this.#startedAt === from;
    this.#buffer.push({ from, to, isSure, isTrimmed, found });
    this.#holes++;
  }

  async #copies(from: number, to: number): Promise<LogMessage[]> {
    const found: LogMessage[] = [];
    for (let at = from; at < to; at += COPIES_AT_ONCE) {
      const length = Math.min(COPIES_AT_ONCE, to - at);
      const asked = Array.from({ length }, (_, i) => this.#redacted.find(at + i));
      for (const copy of await unlessBroken(this.#nc, Promise.all(asked)))
        if (copy !== undefined) found.push(copy);
    }
    return found;
  }

  lag(): number {
    return this.#pending + this.#buffer.length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#buffer = [];
    this.#holes = 0;
    clearInterval(this.#watchdog);
    this.#statuses.stop?.();
    this.#dropConsumer();
    this.#wakeUp();
  }

  /** Makes a consumer, unless another attempt, or the end, comes between: then what there is of it is left to the server. */
  async #openConsumer(attempt: number): Promise<void> {
    const state = await this.#settledState();
    if (this.#isGivenUp(attempt)) return;
    if (this.#next > state.last_seq + 1) throw truncated(this.#stream, this.#next, state.last_seq);
    if (this.#next < state.first_seq) {
      const begin = await unlessBroken(this.#nc, this.#redacted.begin(state.first_seq));
      if (this.#isGivenUp(attempt)) return;
      if (this.#next < begin) throw trimmed(this.#stream, this.#next, begin);
      this.#hole(this.#next, state.first_seq, true); // Redacted at its begin, or trimmed a moment ago.
      this.#next = state.first_seq;
    }
    this.#idleBeats = 0;
    const from = this.#next;
    const making = this.#jsm.consumers.add(this.#stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    });
    const info = await unlessBroken(this.#nc, making);
    if (this.#isGivenUp(attempt)) return this.#delete(info.name);
    this.#consumer = info.name;
    this.#startedAt = from;
    this.#pending = info.num_pending;
    this.#lastAtOpen = state.last_seq;
    this.#asked = 0;
    this.#delivered = 0;
    this.#silentChecks = 0;
    const inbox = newInbox(this.#nc);
    this.#inbox = inbox;
    this.#subscription = this.#nc.subscribe(inbox, {
      callback: (error, message) => {
        if (inbox !== this.#inbox) return; // A consumer that was given up still had messages on their way.
        if (error !== null) this.#reopen();
        else this.#receive(message);
      },
    });
    this.#ask();
    if (info.num_pending === 0 && this.#next <= state.last_seq) void this.#takeRedactedEnd(state.last_seq);
  }

  /** The stream's state. A new leader may not have applied all that its cluster has stored: it is given time. */
  async #settledState(): Promise<StreamState> {
    for (let looks = 1; ; looks++) {
      const info = this.#jsm.streams.info(this.#stream);
      const { config, state } = await unlessBroken(this.#nc, info);
      this.#replicas = config.num_replicas;
      if (this.#next <= state.last_seq + 1 || config.num_replicas === 1 || looks === LOOKS_MAX) return state;
      await pause(LOOK_AGAIN_MS);
    }
  }

  /** Asks for as many messages as fit, in steps large enough to cost little. */
  #ask(): void {
    const room = WINDOW - this.#asked - this.#buffer.length;
    if (room < WINDOW / 4 || this.#inbox === "" || this.#closed || this.#nc.isClosed()) return;
    this.#asked += room;
    const pull = { batch: room, expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    const subject = `${this.#jsm.getOptions().apiPrefix}.CONSUMER.MSG.NEXT.${this.#stream}.${this.#consumer}`;
    this.#nc.publish(subject, JSON.stringify(pull), { reply: this.#inbox });
  }

  #receive(message: Msg): void {
    this.#silentChecks = 0;
    const place = placeOf(message.reply, this.#place);
    if (place === undefined) {
      this.#receiveStatus(message);
      return;
    }
    if (place.delivery !== this.#delivered + 1) {
      this.#reopen();
      return;
    }
    if (place.sequence !== this.#next) this.#hole(this.#next, place.sequence);
    this.#idleBeats = 0;
    this.#delivered = place.delivery;
    this.#next = place.sequence + 1;
    this.#pending = place.pending;
    this.#asked = Math.max(0, this.#asked - 1);
    const { sequence, storedAtMs } = place;
    const traceparent = this.#isTraced ? message.headers?.get(TRACE_HEADER) : undefined;
    if (traceparent) this.#buffer.push({ sequence, storedAtMs, data: message.data, traceparent });
    else this.#buffer.push({ sequence, storedAtMs, data: message.data });
    if (place.pending === 0 && this.#next <= this.#lastAtOpen) void this.#takeRedactedEnd(this.#lastAtOpen);
    this.#wakeUp();
  }

  #receiveStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) {
      void this.#lookForMore();
      return;
    }
    if (code !== 404 && code !== 408) {
      this.#reopen();
      return;
    }
    // The pull request has ended; what it did not deliver may be asked for again.
    const left = Number(message.headers?.get("Nats-Pending-Messages") ?? "0");
    this.#asked = left > 0 ? Math.max(0, this.#asked - left) : 0;
    this.#ask();
  }

  /**
   * A consumer lives on one copy of the stream. One whose server stood still for a while may stay without the messages
   * that were stored meanwhile, with signs of life, for as long as nothing new is stored: it is left for another. And what
   * was redacted at the stream's end is never delivered: it is looked for when nothing more comes.
   */
  async #lookForMore(): Promise<void> {
    const beats = ++this.#idleBeats;
    if (beats > 1 && (this.#replicas === 1 || beats % IDLE_BEATS !== 0)) return;
    const inbox = this.#inbox;
    const info = await this.#jsm.streams.info(this.#stream).catch(() => undefined); // The next look may succeed.
    if (info === undefined || info.state.last_seq < this.#next || inbox !== this.#inbox) return;
    const isRedacted = await this.#takeRedactedEnd(info.state.last_seq);
    if (!isRedacted && inbox === this.#inbox && this.#idleBeats >= IDLE_BEATS) this.#reopen();
  }

  /** Takes what is left of redacted messages at the stream's end. @returns Whether all that follows were such. */
  async #takeRedactedEnd(last: number): Promise<boolean> {
    const inbox = this.#inbox;
    for (let next = this.#next; next <= last; next++) {
      const copy = await this.#redacted.find(next).catch(() => undefined); // The next look may succeed.
      if (copy === undefined || inbox !== this.#inbox || next !== this.#next) return false;
      this.#next = next + 1;
      this.#buffer.push(copy);
      this.#wakeUp();
    }
    return true;
  }

  #checkLife(): void {
    if (this.#asked === 0 || this.#inbox === "") return; // Nothing is owed to us, so silence tells nothing.
    this.#silentChecks += 1;
    if (this.#silentChecks > SILENT_CHECKS_MAX) this.#reopen();
  }

  async #followConnection(): Promise<void> {
    for await (const status of this.#statuses) {
      if (status.type === "reconnect") this.#reopen();
    }
    if (!this.#closed) await this.close(); // The iterator ends with its connection.
  }

  /** Leaves the consumer, and any attempt at another one, for a new one from the next message on. */
  #reopen(): void {
    if (this.#closed) return;
    this.#dropConsumer();
    void this.#openUntilDone(++this.#attempt);
  }

  async #openUntilDone(attempt: number): Promise<void> {
    for (let waitMs = RETRY_FIRST_MS; !this.#isGivenUp(attempt); ) {
      try {
        if (await untilConnected(this.#nc, RECONNECT_PATIENCE_MS)) return await this.#openConsumer(attempt);
      } catch (thrown) {
        if (this.#isGivenUp(attempt)) return;
        if (thrown instanceof EngineError) return this.#fail(thrown);
        await pause(waitMs);
        waitMs = Math.min(2 * waitMs, RETRY_LAST_MS);
      }
    }
  }

  #isGivenUp(attempt: number): boolean {
    return attempt !== this.#attempt || this.#closed || this.#failure !== undefined;
  }

  #dropConsumer(): void {
    const name = this.#consumer;
    this.#consumer = "";
    this.#inbox = "";
    this.#asked = 0;
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    if (name !== "") this.#delete(name);
  }

  /** Out of courtesy, and not waited for: the server drops an unused consumer by itself. */
  #delete(consumer: string): void {
    if (!this.#nc.isClosed()) this.#jsm.consumers.delete(this.#stream, consumer).catch(() => false);
  }

  #fail(failure: EngineError): void {
    this.#failure = failure;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
