import type { TraitValue } from "../events/event.ts";
import { SeenIds } from "./seen-ids.ts";

/**
 * All that is kept of one user. It belongs to its shard, which changes it in place.
 *
 * `slab` holds the features' state and, behind it, the state of the encoder that `encoder` names.
 */
export class Context {
  readonly user: string;
  slab: Float64Array;
  /** Version of the encoder that the slab's second part is for. */
  encoder: string;
  /** Acts folded; also the cursor of the ring of recent events. */
  events = 0;
  firstTsMs = 0;
  /** Event time of the newest event, epoch ms. */
  lastTsMs = 0;
  /** Log sequence of the last entry that changed this context. */
  lastSequence = 0;
  /** True from the first `identify` on. */
  authenticated = false;
  /** The time bucket of the newest sample, and the events since it began. */
  sampleBucket = -1;
  bucketEvents = 0;
  readonly labels = new Map<string, string | null>();
  readonly traits = new Map<string, TraitValue>();
  readonly consents = new Map<string, boolean>();
  /** Segments that resonate, by map. */
  readonly resonating = new Map<string, Set<string>>();
  seen = new SeenIds();
  /** Number of the last batch that changed it; the host keeps it in memory until that batch is committed. */
  dirtyBatch = 0;

  constructor(user: string, slots: number, encoder: string) {
    this.user = user;
    this.slab = new Float64Array(slots);
    this.encoder = encoder;
  }
}
