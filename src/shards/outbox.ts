import type { Log } from "../actors/log.ts";
import type { Lease } from "../actors/unit-copy.ts";
import type { Subjects } from "../events/subjects.ts";
import { encode } from "../kernel/msgpack.ts";
import { inOrder, isSample, type SampleBatch } from "../profiles/sample.ts";
import type { ContextStore, OutboxItem } from "./context-store.ts";
import type { Outcome } from "./outcome.ts";
import type { DeadLetter } from "./shard-messages.ts";

/** Samples in one message: with 64 dimensions and long ids it stays under half a megabyte. */
const SAMPLES_A_MESSAGE = 1_000;
/** Changes of sums in one message: a quarter of a megabyte. */
const TALLIES_A_MESSAGE = 1_000;
/** Items published at once. */
const GROUP = 500;
/** Items that were published leave the store together, so long after the first: a transaction for each would cost more than they. */
const REMOVE_AFTER_MS = 1_000;

/** The entries of the log that items follow from: those behind `after`, up to `through`. */
export type OutboxSpan = Readonly<{ after: number; through: number }>;

/** What an outbox needs of the world. */
export type OutboxPorts = Readonly<{
  log: Log;
  store: ContextStore;
  sleep(ms: number): Promise<void>;
  /**
   * Is told of items that were on their way when the lease was lost: they may have come into their streams long after the next
   * owner has published them, and has taken some of their users out.
   */
  tellLate(items: readonly OutboxItem[]): void;
}>;

/** Turns what a slice of entries has to publish into outbox items, in order. */
export function outboxItems(
  key: number,
  outcome: Outcome,
  deadLetters: readonly DeadLetter[],
  subjects: Subjects,
  first: OutboxSpan & { readonly number: number },
): OutboxItem[] {
  const items: OutboxItem[] = [];
  const { number, after, through } = first;
  const add = (item: Omit<OutboxItem, "key" | "after" | "through">): void => {
    items.push({ key: number + items.length, after, through, ...item });
  };
  const contributions = inOrder(outcome.samples, outcome.removals);
  for (let at = 0; at < contributions.length; at += SAMPLES_A_MESSAGE) {
    const some = contributions.slice(at, at + SAMPLES_A_MESSAGE);
    const removals = some.filter((one) => !isSample(one));
    const batch: SampleBatch = {
      shard: key,
      samples: some.filter(isSample),
      ...(removals.length === 0 ? {} : { removals }),
    };
    // Copies cut their batches differently: the last one too tells whether a message is the same.
    const [from, to] = [some[0], some.at(-1)];
    add({
      stream: subjects.samples,
      id: `${key}:${from?.sequence}:${from?.index}-${to?.sequence}:${to?.index}`,
      data: encode(batch),
    });
  }
  if (outcome.prepared.length > 0) {
    const batch: SampleBatch = { shard: key, samples: [], prepared: outcome.prepared };
    add({
      stream: subjects.samples,
      id: `${key}:prepared:${outcome.prepared.join(",")}:${through}`,
      data: encode(batch),
    });
  }
  for (let at = 0; at < outcome.tallies.length; at += TALLIES_A_MESSAGE) {
    const tallies = outcome.tallies.slice(at, at + TALLIES_A_MESSAGE);
    const batch: SampleBatch = { shard: key, samples: [], tallies };
    const [from, to] = [tallies[0], tallies.at(-1)];
    add({
      stream: subjects.samples,
      id: `${key}:tallies:${from?.sequence}:${from?.index}-${to?.sequence}:${to?.index}`,
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
    const at = letter.place === undefined ? letter.sequence : `${letter.sequence}:${letter.place}`;
    add({ stream: subjects.deadLetters, id: `${key}:${at}:dead`, data: encode(letter) });
  }
  return items;
}

/**
 * Publishes outputs while a lease is held, each stream's in order and one group after another: a group that fails is
 * sent again before anything newer, so that what a stream holds of this shard is never out of order.
 *
 * An output goes out as soon as it is known, also before the entry that it follows from is committed: after a crash
 * that entry is folded again, gives the same output under the same id, and receivers drop the repeat. What is not
 * published yet when its entry is committed goes into that transaction, so that nothing is ever missing.
 *
 * A copy without the lease keeps its items until the owner tells that they are published: should the owner die
 * before that, they are all there.
 */
export class Outbox {
  readonly #log: Log;
  readonly #store: ContextStore;
  /** In the order of their keys. */
  readonly #queue: OutboxItem[];
  /** Every item of the queue before this key is in the store. */
  #storedBefore: number;
  /** No group begins meanwhile. */
  #isHeldBack = false;
  #lease: Lease | undefined;
  /** Once everything before this key is published, publishing ends. */
  #endsBefore = Number.POSITIVE_INFINITY;
  #publishing: Promise<unknown> = Promise.resolve();
  readonly #sleep: (ms: number) => Promise<void>;
  /** Items that are published and still in the store. */
  #unremoved: number[] = [];
  #removing: Promise<void> | undefined;
  #storeFailure: { thrown: unknown } | undefined;
  #wake: () => void = () => {};
  #drained: () => void = () => {};
  #closed = false;
  /** Items in the store that have changed since. */
  readonly #rewritten = new Set<number>();
  readonly #tellLate: (items: readonly OutboxItem[]) => void;

  constructor({ log, store, sleep, tellLate }: OutboxPorts) {
    this.#log = log;
    this.#store = store;
    this.#sleep = sleep;
    this.#tellLate = tellLate;
    this.#queue = [...store.outbox()];
    this.#storedBefore = (this.#queue.at(-1)?.key ?? -1) + 1;
  }

  /** Items that wait to be published. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Everything that follows from entries up to this one is published, given the last committed one. */
  publishedThrough(committed: number): number {
    return this.#queue[0]?.after ?? committed;
  }

  /** Items that a transaction must write down: those that follow from its entries and are not published yet. */
  toStore(): readonly OutboxItem[] {
    const isDue = ({ key }: OutboxItem): boolean => key >= this.#storedBefore || this.#rewritten.has(key);
    const items = this.#queue.filter(isDue);
    this.#storedBefore = Math.max(this.#storedBefore, (items.at(-1)?.key ?? -1) + 1);
    this.#rewritten.clear();
    return items;
  }

  /**
   * Keys of items in the store that are published: the next transaction has to remove them. One that forgets a user must not leave
   * behind what was published of them, which the next start would publish again.
   */
  takePublished(): readonly number[] {
    const keys = this.#unremoved;
    this.#unremoved = [];
    return keys;
  }

  /**
   * Changes what waits, now and in the store with the next transaction.
   *
   * @param rest - What is left of an item; itself if nothing changes, and without bytes if there is nothing left to publish.
   */
  change(rest: (item: OutboxItem) => OutboxItem): void {
    for (let i = 0; i < this.#queue.length; i++) {
      const item = this.#queue[i]!;
      const changed = rest(item);
      if (changed === item) continue;
      this.#queue[i] = changed;
      if (item.key < this.#storedBefore) this.#rewritten.add(item.key);
    }
  }

  /** Drops the items from a key on, which follow from entries that will be folded again. */
  async takeBack(from: number): Promise<void> {
    this.#isHeldBack = true;
    await this.#publishing;
    while ((this.#queue.at(-1)?.key ?? -1) >= from) this.#queue.pop();
    this.#storedBefore = Math.min(this.#storedBefore, from);
    this.#isHeldBack = false;
    this.#wake();
  }

  /** Adds items that follow from what was folded. */
  add(items: readonly OutboxItem[]): void {
    for (const item of items) this.#queue.push(item);
    this.#wake();
  }

  /** Publishes from now on, while the lease is held. A drain that is under way has become pointless, and is over. */
  own(lease: Lease): void {
    this.#lease = lease;
    this.#endsBefore = Number.POSITIVE_INFINITY;
    this.#drained();
    this.#wake();
  }

  /** Publishes no more; resolves after the group under way. */
  async rest(): Promise<void> {
    this.#lease = undefined;
    this.#drained();
    await this.#publishing;
  }

  /** Publishes what waits by now, then no more. */
  async drain(): Promise<void> {
    if (this.#lease === undefined) return;
    this.#endsBefore = (this.#queue.at(-1)?.key ?? -1) + 1;
    this.#drained(); // Of two drains the later one counts.
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#wake();
    });
  }

  /** Forgets what another copy has published: all that follows from entries up to `through`. */
  forget(through: number): void {
    if (this.#lease !== undefined) return;
    let length = 0;
    while (length < this.#queue.length && this.#queue[length]!.through <= through) length++;
    if (length > 0) this.#remove(length);
  }

  /**
   * Publishes until closed; what is left then stays in the store for the next start.
   *
   * @throws What the store throws.
   */
  async run(retryAfter: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      if (this.#storeFailure !== undefined) throw this.#storeFailure.thrown;
      const group = this.#nextGroup();
      if (group.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const published = this.#publish(group);
      this.#publishing = published.catch(() => {}); // Told by this run.
      if (!(await published)) await retryAfter();
    }
  }

  /** Ends publishing; resolves once what is published has left the store, if the store still takes that. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#drained();
    this.#wake();
    await this.#publishing;
    await this.#removeNow().catch(() => {}); // The next start publishes them again, and receivers drop the repeat.
  }

  /** The items at the front; none while there is no lease. */
  #nextGroup(): OutboxItem[] {
    const [front] = this.#queue;
    if (this.#isHeldBack) return [];
    if (front === undefined || front.key >= this.#endsBefore) {
      if (this.#endsBefore < Number.POSITIVE_INFINITY) {
        this.#lease = undefined;
        this.#drained();
      }
      return [];
    }
    if (this.#lease === undefined) return [];
    return this.#queue.slice(0, GROUP).filter(({ key }) => key < this.#endsBefore);
  }

  /** @returns False if it must be tried again: the ids let the receivers drop what arrived already. */
  async #publish(group: readonly OutboxItem[]): Promise<boolean> {
    const lease = this.#lease;
    if (lease?.isHeld() !== true) return false; // It may come back, with the next renewal.
    const items = group.filter(({ data }) => data.length > 0);
    const byStream = Map.groupBy(items, ({ stream }) => stream);
    const appends = [...byStream].map(([stream, some]) => this.#log.append(stream, some));
    const appended = await Promise.allSettled(appends); // What still goes on would overtake what is sent again.
    if (!lease.isHeld()) this.#tellLate(items);
    if (appended.some(({ status }) => status === "rejected")) return false;
    this.#remove(group.length);
    return true;
  }

  /** Forgets the first items of the queue, and soon removes those that are in the store. */
  #remove(length: number): void {
    for (const { key } of this.#queue.splice(0, length))
      if (key < this.#storedBefore) this.#unremoved.push(key);
    if (this.#unremoved.length > 0) this.#removing ??= this.#removeSoon();
  }

  async #removeSoon(): Promise<void> {
    await this.#sleep(REMOVE_AFTER_MS);
    this.#removing = undefined;
    try {
      await this.#removeNow();
    } catch (thrown) {
      this.#storeFailure = { thrown };
      this.#wake();
    }
  }

  async #removeNow(): Promise<void> {
    const keys = this.#unremoved;
    this.#unremoved = [];
    if (keys.length > 0) await this.#store.removeOutbox(keys);
  }
}
