import type { Arrival } from "../features/arrival.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import {
  PACKED_BYTES_MAX,
  packFeatureEventInto,
  unpackFeatureEvent,
} from "../features/pack-feature-event.ts";
import type { History } from "./encoder.ts";

const FIRST_BYTES = 1 << 20;

/**
 * Whole histories of many users in little memory: events are packed as they come (about 24 bytes each), and unpacked
 * whenever a history is asked for them.
 */
export class PackedHistories {
  readonly #userIndex = new Map<string, number>();
  readonly #users: string[] = [];
  /** Of those users of whom it is known. */
  readonly #arrivals = new Map<string, Arrival>();
  /** User, and first byte, of each event. */
  readonly #userOf: number[] = [];
  readonly #at: number[] = [];
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get events(): number {
    return this.#at.length;
  }

  /** Users so far, in the order in which they came. */
  get users(): readonly string[] {
    return this.#users;
  }

  /** @param arrival - What the event tells of how the user came; that of the first one that tells it stays. */
  add(user: string, event: FeatureEvent, arrival?: Arrival): void {
    if (arrival !== undefined) this.arrive(user, arrival);
    let index = this.#userIndex.get(user);
    if (index === undefined) {
      index = this.#users.push(user) - 1;
      this.#userIndex.set(user, index);
    }
    if (this.#length + PACKED_BYTES_MAX > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#userOf.push(index);
    this.#at.push(this.#length);
    this.#length += packFeatureEventInto(event, this.#bytes, this.#length);
  }

  /** Notes how a user came at first, unless it is known. */
  arrive(user: string, arrival: Arrival): void {
    if (!this.#arrivals.has(user)) this.#arrivals.set(user, arrival);
  }

  /**
   * The histories of all users, in the order in which they came. Events are in the order of time, those of one
   * moment as they were added.
   *
   * @param labelsOf - Map to segment of each user.
   * @param keep - May change an event, and tells whether it stays; `number` is that of all events in the order of adding.
   */
  histories(
    labelsOf: (user: string) => History["labels"],
    keep?: (user: string, number: number, event: FeatureEvent) => boolean,
  ): History[] {
    const bytes = this.#bytes;
    const starts = new Uint32Array(this.#users.length + 1);
    for (const user of this.#userOf) starts[user + 1]!++;
    for (let u = 0; u < this.#users.length; u++) starts[u + 1]! += starts[u]!;
    const from = new Float64Array(this.#at.length);
    const to = new Float64Array(this.#at.length);
    const numbers = new Float64Array(keep === undefined ? 0 : this.#at.length);
    const next = starts.slice();
    for (const [e, at] of this.#at.entries()) {
      const place = next[this.#userOf[e]!]!++;
      from[place] = at;
      if (keep !== undefined) numbers[place] = e;
      to[place] = this.#at[e + 1] ?? this.#length;
    }
    return this.#users.map((user, u) => {
      const [first, end] = [starts[u]!, starts[u + 1]!];
      const arrival = this.#arrivals.get(user);
      return {
        ...(arrival === undefined ? {} : { arrival }),
        user,
        labels: labelsOf(user),
        get events(): readonly FeatureEvent[] {
          const events: FeatureEvent[] = [];
          let isSorted = true;
          for (let place = first; place < end; place++) {
            const event = unpackFeatureEvent(bytes.subarray(from[place]!, to[place]!));
            if (keep?.(user, numbers[place]!, event) === false) continue;
            isSorted &&= events.length === 0 || events.at(-1)!.tsMs <= event.tsMs;
            events.push(event);
          }
          return isSorted ? events : events.sort((a, b) => a.tsMs - b.tsMs);
        },
      };
    });
  }
}
