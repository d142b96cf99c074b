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
  /** Groups on their way at a time. */
  groupsMax: number;
  /** While one is on its way, another goes only once it has so many messages. */
  secondFrom: number;
  messagesMax: number;
  /** A single call may have more. */
  bytesMax: number;
  /** From the call to its answer or failure. */
  patienceMs: number;
  /** Without an answer for so long, a group is sent again. */
  attemptMs: number;
}>;

type Call = Readonly<{
  /** Grows from call to call. */
  number: number;
  messages: readonly Append[];
  deadlineMs: number;
  resolve: (sequences: number[]) => void;
  reject: (error: Error) => void;
}>;

/** A call that failed in a way that may pass. */
type Failed = Readonly<{ call: Call; thrown: unknown }>;

/**
 * Appends to one stream for many callers at once: what comes in while groups are on their way goes as the next one. So
 * an idle stream adds no wait, and a busy one is sent few and large groups.
 *
 * A call's messages are in one group, stored in the order given. After a failure nothing more is sent until all that is
 * on its way is answered, and what failed goes again before all that came later. A failure is its own caller's; the
 * others' messages are stored.
 */
export class GroupAppender {
  readonly #transport: GroupTransport;
  readonly #limits: GroupLimits;
  #calls = 0;
  #waiting: Call[] = [];
  #waitingMessages = 0;
  /** Groups on their way. */
  #groups = 0;
  /** Calls of groups that were answered, which are tried again once all are. */
  #failed: Failed[] = [];
  #isScheduled = false;

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
      this.#waiting.push({ number: this.#calls++, messages, deadlineMs, resolve, reject });
      this.#waitingMessages += messages.length;
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#sendMore(); // After this turn, so that all its calls go together.
      });
    });
  }

  #sendMore(): void {
    while (this.#mayGo()) void this.#sendGroup(this.#nextGroup());
  }

  #mayGo(): boolean {
    if (this.#waiting.length === 0 || this.#failed.length > 0) return false;
    const { groupsMax, secondFrom } = this.#limits;
    return this.#groups === 0 || (this.#groups < groupsMax && this.#waitingMessages >= secondFrom);
  }

  async #sendGroup(calls: readonly Call[]): Promise<void> {
    this.#groups++;
    const sent = await this.#send(calls);
    this.#failed.push(...this.#settle(calls, sent));
    if (this.#groups === 1 && this.#failed.length > 0) await this.#recover();
    this.#groups--;
    this.#sendMore();
  }

  /** Once nothing is on its way any more: all that failed goes again, or is given up. */
  async #recover(): Promise<void> {
    const isHopeful = await this.#transport.recovered(this.#failed[0]?.thrown);
    const failed = this.#failed.sort((a, b) => a.call.number - b.call.number);
    this.#failed = [];
    if (!isHopeful) {
      for (const { call, thrown } of failed) call.reject(this.#transport.toError(thrown));
      return;
    }
    this.#waiting.unshift(...failed.map(({ call }) => call));
    for (const { call } of failed) this.#waitingMessages += call.messages.length;
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
    const group = this.#waiting.splice(0, length);
    for (const { messages } of group) this.#waitingMessages -= messages.length;
    return group;
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
