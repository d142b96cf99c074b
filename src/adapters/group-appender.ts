import type { Append } from "../actors/log.ts";

/** What became of the messages of a group. */
export type SentGroup = Readonly<{
  /** Of the messages sent, in their order; what stands at one that failed means nothing. */
  sequences: readonly number[];
  /** Why messages failed, by their places among those sent. */
  failures: ReadonlyMap<number, unknown>;
}>;

/** What a group appender needs of the world. */
export type GroupTransport = Readonly<{
  /**
   * Sends messages in order, and resolves once it is known of each whether it is stored.
   *
   * @throws What keeps all outcomes unknown.
   */
  send(messages: readonly Append[], timeoutMs: number): Promise<SentGroup>;
  /** Whether a failure may pass by itself, so that the same messages are sent again. */
  isPassing(thrown: unknown): boolean;
  /** Waits until sending again makes sense. @returns False if it never will. */
  recovered(thrown: unknown): Promise<boolean>;
  /** What a caller is told of a failure. */
  toError(thrown: unknown): Error;
  monotonicMs(): number;
}>;

/** How large a group may be, and how long a caller waits. */
export type GroupLimits = Readonly<{
  messagesMax: number;
  /** A single call may have more. */
  bytesMax: number;
  /** From the call to its answer or failure. */
  patienceMs: number;
  /** Without an answer for so long, a group is sent again. */
  attemptMs: number;
}>;

type Call = Readonly<{
  messages: readonly Append[];
  deadlineMs: number;
  resolve: (sequences: number[]) => void;
  reject: (error: Error) => void;
}>;

/** A call that failed in a way that may pass. */
type Failed = Readonly<{ call: Call; thrown: unknown }>;

/**
 * Appends to one stream for many callers at once: what comes in while a group is on its way goes as the next one. So an
 * idle stream adds no wait, and a busy one is sent few and large groups.
 *
 * One group is on its way at a time, and what is sent again goes before all that came later: so each caller's messages
 * are stored in the order in which they were given. A failure is its own caller's; the others' messages are stored.
 */
export class GroupAppender {
  readonly #transport: GroupTransport;
  readonly #limits: GroupLimits;
  #waiting: Call[] = [];
  #isRunning = false;

  constructor(transport: GroupTransport, limits: GroupLimits) {
    this.#transport = transport;
    this.#limits = limits;
  }

  /**
   * @param messages - As many as one group may have at most.
   * @returns The sequence of each.
   * @throws What the transport makes of a failure.
   */
  append(messages: readonly Append[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#transport.monotonicMs() + this.#limits.patienceMs;
      this.#waiting.push({ messages, deadlineMs, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      queueMicrotask(() => void this.#run()); // After this turn, so that all its calls go together.
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const calls = this.#nextGroup();
      const failed = this.#settle(calls, await this.#send(calls));
      const [first] = failed;
      if (first === undefined) continue;
      const isHopeful = await this.#transport.recovered(first.thrown);
      if (isHopeful) this.#waiting.unshift(...failed.map(({ call }) => call));
      else for (const { call, thrown } of failed) call.reject(this.#transport.toError(thrown));
    }
    this.#isRunning = false;
  }

  /** The calls that came first, as many as go together. */
  #nextGroup(): Call[] {
    const { messagesMax, bytesMax } = this.#limits;
    let count = 0;
    let bytes = 0;
    let length = 0;
    for (const { messages } of this.#waiting) {
      count += messages.length;
      for (const { data } of messages) bytes += data.length;
      if (length > 0 && (count > messagesMax || bytes > bytesMax)) break;
      length++;
    }
    return this.#waiting.splice(0, length);
  }

  async #send(calls: readonly Call[]): Promise<SentGroup> {
    const messages = calls.length === 1 ? (calls[0]?.messages ?? []) : calls.flatMap((call) => call.messages);
    const deadlineMs = Math.min(...calls.map((call) => call.deadlineMs));
    const leftMs = Math.max(1, deadlineMs - this.#transport.monotonicMs());
    try {
      return await this.#transport.send(messages, Math.min(leftMs, this.#limits.attemptMs));
    } catch (thrown) {
      return { sequences: [], failures: new Map(messages.map((_, place) => [place, thrown])) };
    }
  }

  /** Tells each caller what became of its messages. @returns Those that are to be tried again. */
  #settle(calls: readonly Call[], { sequences, failures }: SentGroup): Failed[] {
    const nowMs = this.#transport.monotonicMs();
    const failed: Failed[] = [];
    let from = 0;
    for (const call of calls) {
      const end = from + call.messages.length;
      const thrown = failures.size === 0 ? undefined : worstOf(failures, from, end, this.#transport);
      if (thrown === undefined) call.resolve(sequences.slice(from, end));
      else if (nowMs < call.deadlineMs && this.#transport.isPassing(thrown)) failed.push({ call, thrown });
      else call.reject(this.#transport.toError(thrown));
      from = end;
    }
    return failed;
  }
}

/** Of the failures in a range of places, one that does not pass if there is one: it decides for the call. */
function worstOf(
  failures: ReadonlyMap<number, unknown>,
  from: number,
  end: number,
  { isPassing }: GroupTransport,
): unknown {
  let worst: unknown;
  for (let place = from; place < end; place++) {
    const thrown = failures.get(place);
    if (thrown === undefined) continue;
    if (!isPassing(thrown)) return thrown;
    worst = thrown;
  }
  return worst;
}
