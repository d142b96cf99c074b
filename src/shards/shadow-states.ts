import type { Encoder } from "../embedding/encoder.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import type { Context } from "./context.ts";

/** States kept at most: 25 MB a shard at 64 slots. The rest is made when it is asked for. */
const SHADOWS_MAX = 50_000;

/**
 * What the contexts' states will be under an encoder that is to serve, made beside those of the one in force so that
 * a switch finds them ready. A cache: with or without it every context comes to the same bytes.
 */
export class ShadowStates {
  readonly #ringEvents: number;
  #encoder: Encoder | undefined;
  /** By user; `events` tells which of the context's states it is for. */
  readonly #held = new Map<string, { state: Float64Array; events: number }>();

  /** @param ringEvents - Newest events of a user that a state is made of. */
  constructor(ringEvents: number) {
    this.#ringEvents = ringEvents;
  }

  /** The encoder that states are held for. */
  get encoder(): Encoder | undefined {
    return this.#encoder;
  }

  get size(): number {
    return this.#held.size;
  }

  get isFull(): boolean {
    return this.#held.size >= SHADOWS_MAX;
  }

  /** Begins anew, for another encoder. */
  begin(encoder: Encoder): void {
    if (this.#encoder?.version === encoder.version) return;
    this.clear();
    this.#encoder = encoder;
  }

  clear(): void {
    this.#encoder = undefined;
    this.#held.clear();
  }

  /** The state of a context as it is now; undefined if it is not here. The caller must not write to it. */
  find(encoder: Encoder, context: Context): Float64Array | undefined {
    const held = this.#encoder?.version === encoder.version ? this.#held.get(context.user) : undefined;
    return held?.events === context.events ? held.state : undefined;
  }

  /** As {@link find}, and forgets it: it is in force from here on. */
  take(encoder: Encoder, context: Context): Float64Array | undefined {
    if (this.#encoder?.version !== encoder.version) return undefined;
    const state = this.find(encoder, context);
    this.#held.delete(context.user);
    return state;
  }

  /** Of a user whose events were changed, the state has to be made anew. */
  forget(user: string): void {
    this.#held.delete(user);
  }

  keep(encoder: Encoder, context: Context, state: Float64Array): void {
    if (this.#encoder?.version !== encoder.version || this.isFull) return;
    this.#held.set(context.user, { state, events: context.events });
  }

  /** Follows an event that a context has counted. Once a ring forgets events, its state has to be made of it anew. */
  follow(context: Context, event: FeatureEvent): void {
    if (this.#held.size === 0) return;
    const held = this.#held.get(context.user);
    if (held === undefined) return;
    if (held.events !== context.events - 1 || context.events > this.#ringEvents) {
      this.#held.delete(context.user);
      return;
    }
    this.#encoder?.fold(held.state, 0, event);
    held.events = context.events;
  }
}
