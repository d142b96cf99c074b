import type { FeatureEvent } from "../features/feature-event.ts";
import { unpackFeatureEvent } from "../features/pack-feature-event.ts";
import type { ContextSource } from "./context-store.ts";
import type { RingSlot } from "./outcome.ts";

/**
 * The rings of recent events: what the store holds, overlaid with what is on its way there. A ring is needed when
 * a user is embedded by another encoder than the one that folded their events.
 */
export class RecentEvents {
  readonly #source: ContextSource;
  readonly slots: number;
  /** By user, then slot; each with the batch that wrote it. */
  readonly #pending = new Map<string, Map<number, { bytes: Uint8Array; batch: number }>>();

  /** @param slots - Events kept a user. */
  constructor(source: ContextSource, slots: number) {
    this.#source = source;
    this.slots = slots;
  }

  /** Notes an event that is on its way to the store. */
  append(written: RingSlot, batch: number): void {
    let slots = this.#pending.get(written.user);
    if (slots === undefined) {
      slots = new Map();
      this.#pending.set(written.user, slots);
    }
    slots.set(written.slot, { bytes: written.bytes, batch });
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

  /**
   * Packed events of a user, oldest first.
   *
   * @param events - Events ever folded of the user: the ring's cursor.
   */
  packed(user: string, events: number): Uint8Array[] {
    const slots = new Map(this.#source.loadRing(user));
    for (const [slot, held] of this.#pending.get(user) ?? []) slots.set(slot, held.bytes);
    const packed: Uint8Array[] = [];
    for (let event = Math.max(0, events - this.slots); event < events; event++) {
      const bytes = slots.get(event % this.slots);
      if (bytes !== undefined) packed.push(bytes);
    }
    return packed;
  }

  /** As {@link packed}, unpacked. */
  events(user: string, events: number): FeatureEvent[] {
    return this.packed(user, events).map(unpackFeatureEvent);
  }
}
