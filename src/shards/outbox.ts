import type { Log } from "../actors/log.ts";
import type { Subjects } from "../events/subjects.ts";
import { encode } from "../kernel/msgpack.ts";
import type { SampleBatch } from "../profiles/sample.ts";
import type { ContextStore, OutboxItem } from "./context-store.ts";
import type { Outcome } from "./outcome.ts";
import type { DeadLetter } from "./shard-messages.ts";

/** Samples in one message: with 64 dimensions and long ids it stays under half a megabyte. */
const SAMPLES_A_MESSAGE = 1_000;
/** Items appended to one stream at once. */
const GROUP = 500;

/** Turns what a batch has to publish into outbox items, in order. */
export function outboxItems(
  shard: number,
  outcome: Outcome,
  deadLetters: readonly DeadLetter[],
  subjects: Subjects,
  firstKey: number,
): OutboxItem[] {
  const items: OutboxItem[] = [];
  const add = (item: Omit<OutboxItem, "key">): void => {
    items.push({ key: firstKey + items.length, ...item });
  };
  for (let at = 0; at < outcome.samples.length; at += SAMPLES_A_MESSAGE) {
    const samples = outcome.samples.slice(at, at + SAMPLES_A_MESSAGE);
    const batch: SampleBatch = { shard, samples };
    add({
      stream: subjects.samples,
      id: `${shard}:${samples[0]?.sequence}:${samples[0]?.index}`,
      data: encode(batch),
    });
  }
  if (outcome.prepared.length > 0) {
    const batch: SampleBatch = { shard, samples: [], prepared: outcome.prepared };
    add({
      stream: subjects.samples,
      id: `${shard}:prepared:${outcome.prepared.join(",")}`,
      data: encode(batch),
    });
  }
  for (const transition of outcome.transitions) {
    add({
      stream: subjects.transitions,
      id: transition.id,
      data: new TextEncoder().encode(JSON.stringify(transition)),
      subject: subjects.transition(transition.map, transition.segment),
    });
  }
  for (const letter of deadLetters) {
    add({ stream: subjects.deadLetters, id: `${shard}:${letter.sequence}:dead`, data: encode(letter) });
  }
  return items;
}

/**
 * Publishes committed outbox items, in order and one group after another: a group that fails is sent again before
 * anything newer, so that what a stream holds of this shard is never out of order.
 */
export class Outbox {
  readonly #log: Log;
  readonly #store: ContextStore;
  readonly #queue: OutboxItem[];
  #wake: () => void = () => {};
  #closed = false;

  constructor(log: Log, store: ContextStore) {
    this.#log = log;
    this.#store = store;
    this.#queue = [...store.outbox()];
  }

  /** Items that wait to be published. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Adds items whose transaction is committed. */
  add(items: readonly OutboxItem[]): void {
    for (const item of items) this.#queue.push(item);
    this.#wake();
  }

  /** Publishes until closed; what is left then stays in the store for the next start. */
  async run(retryAfter: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      const group = this.#nextGroup();
      if (group.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (await this.#publish(group)) this.#queue.splice(0, group.length);
      else await retryAfter();
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The longest run of items at the front that go to one stream. */
  #nextGroup(): OutboxItem[] {
    const stream = this.#queue[0]?.stream;
    let length = 0;
    while (length < GROUP && this.#queue[length]?.stream === stream && length < this.#queue.length) length++;
    return this.#queue.slice(0, length);
  }

  async #publish(group: readonly OutboxItem[]): Promise<boolean> {
    const stream = group[0]?.stream ?? "";
    try {
      await this.#log.append(stream, group);
    } catch {
      return false; // Retried as a whole: the ids let the receivers drop what arrived already.
    }
    await this.#store.removeOutbox(group.map((item) => item.key));
    return true;
  }
}
