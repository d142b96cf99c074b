import type { Ingested, Position, Refusal, ResonanceEvent } from "./event.ts";
import { ResonanceError } from "./resonance-error.ts";

/** The events of one call, until each is stored, refused or given up. */
export class IngestCall {
  readonly ids: string[] = [];
  /** Resolves when all events are in the queue. */
  readonly taken: Promise<void>;
  /**
   * What became of them. Rejects with the first refusal if nothing was stored.
   */
  readonly settled: Promise<Ingested>;
  /** Resolves when it is settled, however. */
  readonly over: Promise<void>;
  isOver = false;
  readonly #onRefused: ((refusal: Refusal, event: ResonanceEvent) => void) | undefined;
  readonly #refused: Refusal[] = [];
  /** Sequence by shard. */
  readonly #positions = new Map<number, number>();
  #left: number;
  #accepted = 0;
  #isTaken: () => void = () => {};
  #resolve: (ingested: Ingested) => void = () => {};
  #reject: (error: ResonanceError) => void = () => {};

  constructor(events: number, onRefused?: (refusal: Refusal, event: ResonanceEvent) => void) {
    this.#left = events;
    this.#onRefused = onRefused;
    this.taken = new Promise((resolve) => {
      this.#isTaken = resolve;
    });
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.over = this.settled.then(
      () => undefined,
      () => undefined,
    );
    if (events === 0) this.#end();
  }

  /** All events are in the queue. */
  enqueued(): void {
    this.#isTaken();
  }

  /** An event is stored, and the shards' logs are so long now. */
  stored(positions: readonly Position[]): void {
    if (this.isOver) return;
    this.#accepted++;
    for (const { shard, sequence } of positions)
      this.#positions.set(shard, Math.max(sequence, this.#positions.get(shard) ?? 0));
    this.#leave();
  }

  /** An event is refused for good. @param json - The event as it was sent. */
  refuse(refusal: Refusal, json: string): void {
    if (this.isOver) return;
    this.#refused.push(refusal);
    this.#onRefused?.(refusal, JSON.parse(json) as ResonanceEvent);
    this.#leave();
  }

  /** Whoever called gave up: what is not sent yet never will be. */
  giveUp(error: ResonanceError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#isTaken();
    this.#reject(error);
  }

  #leave(): void {
    if (--this.#left === 0) this.#end();
  }

  #end(): void {
    this.isOver = true;
    this.#isTaken();
    const refused = this.#refused.toSorted((a, b) => a.index - b.index);
    const [first] = refused;
    if (first !== undefined && this.#accepted === 0) {
      const { code, message } = first;
      this.#reject(new ResonanceError({ code, message, retryable: false, detail: { refused } }));
      return;
    }
    const positions = Array.from(this.#positions, ([shard, sequence]) => ({ shard, sequence }));
    this.#resolve({ ids: this.ids, accepted: this.#accepted, refused, positions });
  }
}
