import type { TraitValue } from "../events/event.ts";
import type { Exposure } from "../experiments/unit-metrics.ts";
import type { Arrival } from "../features/arrival.ts";
import type { SparseSlab } from "../features/feature-schema.ts";
import { type Jurisdiction, UNKNOWN_JURISDICTION } from "../privacy/consent/jurisdiction.ts";
import { contextMemory } from "./context-memory.ts";
import { RingTail } from "./ring-tail.ts";
import { SeenIds } from "./seen-ids.ts";
import type { UserFeedback } from "./user-feedback.ts";

/** An empty record, one for all users: most have nothing of most. It is never written to. */
export const NO_ENTRIES: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * All that is kept of one user. It belongs to its shard, which changes it in place.
 *
 * `slab` holds the state of the encoder that `encoder` names and, behind it, that of the features in `mask`.
 */
export class Context implements SparseSlab {
  readonly user: string;
  slab: Float64Array;
  mask = 0;
  /** Slots of the encoder's state, in front of the features'. */
  featuresAt: number;
  /** The encoder that the slab's first part is for, as the shard's `stateKey` names it. */
  encoder: string;
  /** Acts folded; also the cursor of the ring of recent events. */
  events = 0;
  firstTsMs = 0;
  /** Event time of the newest event, epoch ms. */
  lastTsMs = 0;
  /** How the user came: what the first act that tells it says. */
  arrival: Arrival | undefined = undefined;
  /** Log sequence of the last entry that changed this context. */
  lastSequence = 0;
  /** True from the first `identify` on. */
  authenticated = false;
  /** Whether samples of theirs counted in the profiles as of the last entry: if they may no more, they are to be taken out. */
  isMember = false;
  /** The time bucket of the newest sample, and the events since it began. */
  sampleBucket = -1;
  bucketEvents = 0;
  labels: ReadonlyMap<string, string | null> = NO_ENTRIES;
  traits: ReadonlyMap<string, TraitValue> = NO_ENTRIES;
  consents: ReadonlyMap<string, boolean> = NO_ENTRIES;
  /** Where they were last, as far as an event told: it is that place's rules that hold. */
  where: Jurisdiction = UNKNOWN_JURISDICTION;
  /** Segments that resonate, by map. */
  resonating: ReadonlyMap<string, ReadonlySet<string>> = NO_ENTRIES;
  /** What was heard of content that was shown; undefined for most. */
  feedback: UserFeedback | undefined;
  /** What was counted of them, by experiment. */
  exposures: ReadonlyMap<string, Exposure> = NO_ENTRIES;
  seen = new SeenIds();
  /** The newest events, until they fill a chunk of the ring. */
  readonly tail = new RingTail();
  /** Number of the last batch that changed it; the host keeps it in memory until that batch is committed. */
  dirtyBatch = 0;
  /** Whether it was used since passivation last looked at it. */
  isUsed = false;

  /** @param encoderSlots - Slots of the encoder's state. */
  constructor(user: string, encoderSlots: number, encoder: string) {
    this.user = user;
    this.slab = contextMemory.take(encoderSlots);
    this.featuresAt = encoderSlots;
    this.encoder = encoder;
  }

  exchange(slots: number, copy: (from: Float64Array, to: Float64Array) => void): void {
    const held = this.slab;
    this.slab = contextMemory.take(slots);
    copy(held, this.slab);
    contextMemory.give(held);
  }

  /** Another encoder's state in the place of the present one's. */
  replaceEncoder(state: Float64Array, encoder: string): void {
    const { featuresAt } = this;
    this.exchange(state.length + this.slab.length - featuresAt, (from, to) => {
      to.set(state);
      to.set(from.subarray(featuresAt), state.length);
    });
    this.featuresAt = state.length;
    this.encoder = encoder;
  }

  /** Gives its memory back: it must not be used any more. */
  release(): void {
    contextMemory.give(this.slab);
    this.slab = RELEASED;
    this.tail.release();
  }
}

/** What is left of a context that has left memory: using it would throw, or read nothing. */
const RELEASED = new Float64Array(0);

/** A record with one more entry, or another value of it. Records are shared until they are written to. */
export function withEntry<Value>(
  record: ReadonlyMap<string, Value>,
  key: string,
  value: Value,
): ReadonlyMap<string, Value> {
  const own = record === NO_ENTRIES ? new Map<string, Value>() : (record as Map<string, Value>);
  return own.set(key, value);
}
