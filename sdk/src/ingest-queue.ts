import { type BackOff, waitMs } from "./back-off.ts";
import type { Position, Refusal, ResonanceEvent } from "./event.ts";
import { IngestCall } from "./ingest-call.ts";
import { IngestLane, type QueuedEvent } from "./ingest-lane.ts";
import type { TraceFields } from "./propagation.ts";
import { aborted, closed, ResonanceError } from "./resonance-error.ts";
import { shardOf } from "./shard-of.ts";

/** Bounds of what waits to be sent. */
export type QueueOptions = Readonly<{
  /** Events, and bytes, a request: whatever is reached first. */
  batchEvents: number;
  batchBytes: number;
  /** How long an event may wait for company, ms. */
  batchMs: number;
  /** Events, and bytes, that are held; what comes on top waits until there is room. */
  queueEvents: number;
  queueBytes: number;
  /** Requests under way. The events of one user are always in one of them, so they stay in order. */
  lanes: number;
  /** An event that could not be stored for so long is given up. */
  giveUpAfterMs: number;
  backOff: BackOff;
}>;

/** The reply of `v1.ingest`. */
export type IngestReply = Readonly<{
  accepted: number;
  refused: readonly Readonly<{ index: number; code: string; message: string; retryAfterMs?: number }>[];
  positions: readonly Position[];
}>;

/** What the queue needs of the world. */
export type QueuePorts = Readonly<{
  /** Sends a request. @throws ResonanceError. */
  send(body: string, trace: TraceFields | undefined, attempt: number): Promise<IngestReply>;
  newId(): string;
  /** Epoch ms. */
  nowMs(): number;
  monotonicMs(): number;
  /** Calls back after so many milliseconds. @returns What stops that. */
  later(ms: number, act: () => void): () => void;
  /** In [0, 1). */
  chance(): number;
  trace(): TraceFields | undefined;
  onRefused?: ((refusal: Refusal, event: ResonanceEvent) => void) | undefined;
}>;

/** Calls that wait for room. */
type Arrival = { readonly call: IngestCall; readonly events: readonly QueuedEvent[]; next: number };

/** Refusals that may pass by themselves: the same event is sent again. */
const PASSING = ["LOG_UNAVAILABLE", "OVERLOADED", "RATE_LIMITED", "INTERNAL"];
/** For these a smaller request may do: one event among many may be to blame. */
const SMALLER = ["MESSAGE_TOO_LARGE", "TOO_LARGE", "INTERNAL"];
/** So often an event alone may meet `INTERNAL`: then it is the event. */
const INTERNAL_MAX = 5;

/**
 * Holds events until the engine's log has stored them. Bounded: what comes when it is full waits, and when as much waits
 * as is held, is refused with `QUEUE_FULL`. What may pass by itself is sent again under the same ids, so that a repeat
 * has no effect.
 */
export class IngestQueue {
  readonly #ports: QueuePorts;
  readonly #options: QueueOptions;
  readonly #lanes: readonly IngestLane[];
  readonly #arrivals: Arrival[] = [];
  #arrivingEvents = 0;
  #events = 0;
  #bytes = 0;
  #isClosed = false;
  /** Calls of `flush` under way: nobody waits for company meanwhile. */
  #flushing = 0;
  readonly #open = new Set<IngestCall>();

  constructor(ports: QueuePorts, options: QueueOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#lanes = Array.from({ length: options.lanes }, () => new IngestLane());
  }

  /** Events that are held or wait for room. */
  get size(): number {
    return this.#events + this.#arrivingEvents;
  }

  /**
   * Takes events: the call that comes back tells when they are in the queue, and when all are settled.
   *
   * @throws ResonanceError `QUEUE_FULL` (retryable), `CLOSED`, `ABORTED`; `WRONG_TYPE` and `TOO_LARGE` of what can't be sent
   * at all, and then none of them is.
   */
  take(events: readonly ResonanceEvent[], signal?: AbortSignal): IngestCall {
    if (signal?.aborted === true) throw aborted(signal);
    if (this.#isClosed) throw closed();
    if (this.#arrivingEvents >= this.#options.queueEvents) throw this.#full();
    const trace = this.#ports.trace();
    const call = new IngestCall(events.length, this.#ports.onRefused);
    const queued = events.map((event, index) => this.#queued(event, index, call, trace));
    this.#open.add(call);
    void call.over.then(() => this.#open.delete(call));
    if (signal !== undefined) this.#heed(signal, call);
    this.#arrivals.push({ call, events: queued, next: 0 });
    this.#arrivingEvents += queued.length;
    this.#admit();
    return call;
  }

  /** Resolves once everything that was handed over before is settled. */
  async flush(): Promise<void> {
    this.#flushing++;
    try {
      for (const lane of this.#lanes) this.#pump(lane);
      await Promise.all([...this.#open].map(({ over }) => over));
    } finally {
      this.#flushing--;
    }
  }

  /** Takes nothing more, sends what is held, and after `patienceMs` refuses what is left. @returns How much that was. */
  async close(patienceMs: number): Promise<number> {
    this.#isClosed = true;
    let left = 0;
    const stop = this.#ports.later(patienceMs, () => {
      left = this.size;
      this.#drop();
    });
    await this.flush();
    stop();
    return left;
  }

  #queued(
    event: ResonanceEvent,
    index: number,
    call: IngestCall,
    trace: TraceFields | undefined,
  ): QueuedEvent {
    const id = event.id ?? this.#ports.newId();
    const isWhole = event.id !== undefined && event.ts !== undefined;
    const json = textOf(isWhole ? event : { ...event, id, ts: event.ts ?? this.#ports.nowMs() });
    const sizeBytes = Buffer.byteLength(json);
    if (sizeBytes > this.#options.batchBytes) {
      const message = `events[${index}] has ${sizeBytes} bytes: that is more than a request may have`;
      throw new ResonanceError({ code: "TOO_LARGE", message, retryable: false });
    }
    call.ids.push(id);
    const lane = shardOf(String(event.user), this.#options.lanes);
    return { id, index, json, sizeBytes, call, trace, lane, sinceMs: this.#ports.monotonicMs(), failures: 0 };
  }

  /** Lets those in who wait, in their order, as far as there is room. */
  #admit(): void {
    const touched = new Set<IngestLane>();
    for (let arrival = this.#arrivals[0]; arrival !== undefined; arrival = this.#arrivals[0]) {
      const event = arrival.events[arrival.next];
      if (event === undefined) {
        this.#arrivals.shift();
        continue;
      }
      const isFull =
        this.#events >= this.#options.queueEvents ||
        (this.#events > 0 && this.#bytes + event.sizeBytes > this.#options.queueBytes);
      if (isFull && !arrival.call.isOver) break;
      arrival.next++;
      this.#arrivingEvents--;
      if (arrival.call.isOver) continue; // Given up while it waited.
      this.#events++;
      this.#bytes += event.sizeBytes;
      const lane = this.#lanes[event.lane];
      lane?.push(event);
      if (lane !== undefined) touched.add(lane);
      if (arrival.next === arrival.events.length) arrival.call.enqueued();
    }
    for (const lane of touched) this.#pump(lane);
  }

  /** Sends a lane's next request if it is due, or sees to it that it will be. */
  #pump(lane: IngestLane): void {
    if (lane.isBusy || lane.isEmpty) return;
    const { batchEvents, batchBytes, batchMs } = this.#options;
    const isDue = this.#flushing > 0 || lane.events >= batchEvents || lane.bytes >= batchBytes;
    if (isDue) return void this.#send(lane);
    lane.timer ??= this.#ports.later(batchMs, () => {
      lane.timer = undefined;
      if (!lane.isBusy && !lane.isEmpty) void this.#send(lane);
    });
  }

  async #send(lane: IngestLane): Promise<void> {
    lane.timer?.();
    lane.timer = undefined;
    lane.isBusy = true;
    const batch = lane.take(this.#options);
    const sent = batch.filter((event) => !event.call.isOver);
    for (const event of batch) if (event.call.isOver) this.#leave(event);
    let delayMs = 0;
    if (sent.length > 0) {
      const body = `{"events":[${sent.map(({ json }) => json).join(",")}]}`;
      try {
        const reply = await this.#ports.send(body, sent[0]?.trace, lane.failures);
        delayMs = this.#replied(lane, sent, reply);
      } catch (thrown) {
        delayMs = this.#failed(lane, sent, asError(thrown));
      }
    }
    this.#admit();
    if (delayMs > 0)
      this.#ports.later(delayMs, () => {
        lane.isBusy = false;
        this.#goOn(lane);
      });
    else {
      lane.isBusy = false;
      this.#goOn(lane);
    }
  }

  #goOn(lane: IngestLane): void {
    this.#admit();
    this.#pump(lane);
  }

  /** Settles what a reply tells of. @returns How long the lane has to wait, ms. */
  #replied(lane: IngestLane, sent: readonly QueuedEvent[], reply: IngestReply): number {
    const refusals = new Map(reply.refused.map((refusal) => [refusal.index, refusal]));
    const again: QueuedEvent[] = [];
    let askedMs = 0;
    for (const [place, event] of sent.entries()) {
      const refusal = refusals.get(place);
      if (refusal === undefined) {
        event.call.stored(reply.positions);
        this.#leave(event);
      } else if (PASSING.includes(refusal.code) && this.#isWorthMore(refusal.code, event)) {
        again.push(event);
        askedMs = Math.max(askedMs, refusal.retryAfterMs ?? 0);
      } else this.#refuse(event, refusal);
    }
    lane.wentThrough(this.#options.batchEvents);
    if (again.length === 0) {
      lane.failures = 0;
      return 0;
    }
    lane.putBack(again);
    return this.#waitOf(lane, askedMs);
  }

  /** Puts back what may be sent again, refuses the rest. @returns How long the lane has to wait, ms. */
  #failed(lane: IngestLane, sent: readonly QueuedEvent[], error: ResonanceError): number {
    if (SMALLER.includes(error.code) && sent.length > 1) {
      lane.shrink(sent.length);
      lane.putBack(sent);
      return error.retryable ? this.#waitOf(lane, error.retryAfterMs) : 0;
    }
    const again = error.retryable ? sent.filter((event) => this.#isWorthMore(error.code, event)) : [];
    for (const event of sent) if (!again.includes(event)) this.#refuse(event, error);
    if (again.length === 0) return 0;
    lane.putBack(again);
    return this.#waitOf(lane, error.retryAfterMs);
  }

  /** Whether an event that may be stored later is to be sent again. */
  #isWorthMore(code: string, event: QueuedEvent): boolean {
    if (code === "INTERNAL" && ++event.failures >= INTERNAL_MAX) return false;
    return this.#ports.monotonicMs() - event.sinceMs < this.#options.giveUpAfterMs;
  }

  #waitOf(lane: IngestLane, askedMs: number): number {
    return waitMs(this.#options.backOff, ++lane.failures, askedMs, this.#ports.chance());
  }

  #refuse(event: QueuedEvent, { code, message }: Readonly<{ code: string; message: string }>): void {
    event.call.refuse({ index: event.index, id: event.id, code, message }, event.json);
    this.#leave(event);
  }

  #leave({ sizeBytes }: QueuedEvent): void {
    this.#events--;
    this.#bytes -= sizeBytes;
  }

  /** The time to close is up. Events of requests under way are refused here, though they may have been stored. */
  #drop(): void {
    const error = new ResonanceError({
      code: "CLOSED",
      message: "the client was closed before the engine had stored it",
      retryable: false,
    });
    for (const call of this.#open) call.giveUp(error);
    this.#admit();
  }

  #heed(signal: AbortSignal, call: IngestCall): void {
    const giveUp = (): void => {
      call.giveUp(aborted(signal));
      this.#admit();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    void call.over.then(() => signal.removeEventListener("abort", giveUp));
  }

  #full(): ResonanceError {
    const { queueEvents } = this.#options;
    const message = `${queueEvents} events are held and as many wait: await what ingest returns before you send more`;
    return new ResonanceError({ code: "QUEUE_FULL", message, retryable: true });
  }
}

function textOf(event: ResonanceEvent): string {
  try {
    return JSON.stringify(event);
  } catch (cause) {
    const message = "an event can't be written as JSON: it holds itself, or a BigInt";
    throw new ResonanceError({ code: "WRONG_TYPE", message, retryable: false, cause });
  }
}

function asError(thrown: unknown): ResonanceError {
  if (thrown instanceof ResonanceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ResonanceError({ code: "INTERNAL", message, retryable: true, cause: thrown });
}
