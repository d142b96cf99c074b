import type { FeatureEvent } from "../features/feature-event.ts";
import { unpackFeatureEvent } from "../features/pack-feature-event.ts";
import type { Context } from "./context.ts";
import type { ContextSource } from "./context-store.ts";
import type { RingSlot } from "./outcome.ts";
import { CHUNK_EVENTS, RingTail, unpackChunk } from "./ring-tail.ts";

const NO_BYTES = new Uint8Array();

/**
 * The rings of recent events: chunks in the store, overlaid with those on their way there, and the newest events in
 * the context itself. A ring is needed when a user is embedded by another encoder than the one that folded their
 * events.
 */
export class RecentEvents {
  readonly #source: ContextSource;
  readonly #events: number;
  /** Chunks kept a user: the slots of their ring. */
  readonly #chunks: number;
  /** By user, then slot; each with the batch that wrote it. */
  readonly #pending = new Map<string, Map<number, { bytes: Uint8Array; batch: number }>>();

  /** @param events - Newest events of a user that are wanted; a few more may be kept. */
  constructor(source: ContextSource, events: number) {
    this.#source = source;
    this.#events = events;
    this.#chunks = Math.ceil(events / CHUNK_EVENTS);
  }

  /**
   * Adds an event to a context that has counted it.
   *
   * @returns The chunk that is full with it, to be written; undefined most of the time.
   */
  append(context: Context, event: FeatureEvent, batch: number): RingSlot | undefined {
    context.tail.append(event);
    if (context.events % CHUNK_EVENTS !== 0) return undefined;
    const slot = (context.events / CHUNK_EVENTS - 1) % this.#chunks;
    return this.#write({ user: context.user, slot, bytes: context.tail.take() }, batch);
  }

  /**
   * Changes what is kept of a user's events, in place.
   *
   * @param change - Changes an event; returns whether it did.
   * @returns The chunks that are to be written for that, and whether any event was changed.
   */
  rewrite(
    context: Context,
    change: (event: FeatureEvent) => boolean,
    batch: number,
  ): Readonly<{ written: readonly RingSlot[]; hasChanged: boolean }> {
    const written: RingSlot[] = [];
    const room = new RingTail();
    const changed = (chunk: Uint8Array): boolean => {
      let some = false;
      for (const packed of unpackChunk(chunk)) {
        const event = unpackFeatureEvent(packed);
        some = change(event) || some;
        room.append(event);
      }
      return some;
    };
    // Slots that a larger ring of an earlier run has left are among them.
    for (const [slot, chunk] of this.slots(context.user)) {
      const some = changed(chunk);
      const bytes = room.take();
      if (some) written.push(this.#write({ user: context.user, slot, bytes }, batch));
    }
    const isTailChanged = changed(context.tail.bytes);
    if (isTailChanged) context.tail.restore(room.take());
    room.release();
    return { written, hasChanged: written.length > 0 || isTailChanged };
  }

  /**
   * Forgets all events of a user. Chunks are emptied rather than removed: what later parts of a snapshot do not name stays as
   * earlier ones have it.
   *
   * @returns The chunks that are to be written for that.
   */
  empty(context: Context, batch: number): readonly RingSlot[] {
    context.tail.release();
    return [...this.slots(context.user)].map(([slot]) =>
      this.#write({ user: context.user, slot, bytes: NO_BYTES }, batch),
    );
  }

  #write(written: RingSlot, batch: number): RingSlot {
    const { user, slot, bytes } = written;
    const slots = this.#pending.get(user) ?? new Map<number, { bytes: Uint8Array; batch: number }>();
    this.#pending.set(user, slots.set(slot, { bytes, batch }));
    return written;
  }

  /** Forgets what the store has by now. */
  committed(batch: number): void {
    for (const [user, slots] of this.#pending) {
      for (const [slot, held] of slots) if (held.batch <= batch) slots.delete(slot);
      if (slots.size === 0) this.#pending.delete(user);
    }
  }

  clear(): void {
    this.#pending.clear();
  }

  /** Packed events of a user, oldest first. */
  packed(context: Context): Uint8Array[] {
    const full = Math.floor(context.events / CHUNK_EVENTS);
    const packed: Uint8Array[] = [];
    if (full > 0) {
      const slots = this.slots(context.user);
      for (let chunk = Math.max(0, full - this.#chunks); chunk < full; chunk++) {
        const bytes = slots.get(chunk % this.#chunks);
        if (bytes !== undefined) for (const event of unpackChunk(bytes)) packed.push(event);
      }
    }
    for (const event of unpackChunk(context.tail.bytes)) packed.push(event);
    return packed.slice(-this.#events);
  }

  /** The chunks of a user's ring by slot, those included that are on their way to the store. */
  slots(user: string): ReadonlyMap<number, Uint8Array> {
    const slots = new Map(this.#source.loadRing(user));
    for (const [slot, held] of this.#pending.get(user) ?? []) slots.set(slot, held.bytes);
    return slots;
  }

  /** As {@link packed}, unpacked. */
  events(context: Context): FeatureEvent[] {
    return this.packed(context).map(unpackFeatureEvent);
  }
}
