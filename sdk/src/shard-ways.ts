import { ResonanceError } from "./resonance-error.ts";
import { HASH_NAME, shardOf } from "./shard-of.ts";

/** What the engine answers to `v1.shards`. */
export type ShardsReply = Readonly<{ shards: number; hash: Readonly<{ name: string; seed: number }> }>;

/** An owner that did not answer is left alone for so long: a dead one is replaced within about 2 s. */
const REST_MS = 1_000;
/** Between two questions for the number of shards. */
const LEARN_EVERY_MS = 2_000;
/** What says that the owner of a shard changes, or is gone. */
const NO_OWNER = ["NO_RESPONDERS", "NOT_OWNER", "TIMEOUT"];

/**
 * Knows which shards may be asked without a gateway. The number of shards is learnt, and learnt anew when an answer tells
 * that it has changed; where a shard can't be asked, or may not, the gateway is.
 */
export class ShardWays {
  readonly #ask: () => Promise<unknown>;
  readonly #nowMs: () => number;
  readonly #isWanted: boolean;
  readonly #restUntilMs = new Map<number, number>();
  #known: Readonly<{ shards: number; seed: number }> | undefined;
  #isAllowed: boolean;
  #learntMs = Number.NEGATIVE_INFINITY;
  #learning: Promise<void> | undefined;

  /** @param ask - Asks `v1.shards`. */
  constructor(ask: () => Promise<unknown>, nowMs: () => number, isWanted: boolean) {
    this.#ask = ask;
    this.#nowMs = nowMs;
    this.#isWanted = isWanted;
    this.#isAllowed = isWanted;
  }

  /** The connection was made anew, perhaps as somebody who may do more. */
  renewed(): void {
    this.#isAllowed = this.#isWanted;
    this.#learntMs = Number.NEGATIVE_INFINITY;
  }

  /** The number of shards, if it is known, and they may be asked. */
  get shards(): number | undefined {
    return this.#isAllowed ? this.#known?.shards : undefined;
  }

  /** The shard to ask for a user; undefined if a gateway is to be asked. */
  to(user: string): number | undefined {
    if (!this.#isAllowed) return undefined;
    if (this.#known === undefined) {
      void this.learn();
      return undefined;
    }
    const shard = shardOf(user, this.#known.shards, this.#known.seed);
    const restMs = this.#restUntilMs.get(shard);
    if (restMs === undefined) return shard;
    if (restMs > this.#nowMs()) return undefined;
    this.#restUntilMs.delete(shard);
    return shard;
  }

  /** Asks for the number of shards, now and then at most; whoever waits for it need not know of failures. */
  learn(): Promise<void> {
    if (!this.#isAllowed || this.#nowMs() - this.#learntMs < LEARN_EVERY_MS)
      return this.#learning ?? Promise.resolve();
    this.#learntMs = this.#nowMs();
    this.#learning = this.#ask().then(
      (reply) => this.#take(reply as ShardsReply),
      (thrown: unknown) => {
        // An engine of before that, or a role that may not: scores go over its gateways.
        if (thrown instanceof ResonanceError && thrown.code === "FORBIDDEN") this.#isAllowed = false;
      },
    );
    return this.#learning;
  }

  /**
   * Takes note of a shard that failed to answer.
   *
   * @returns Whether somebody else is to be asked: for anything else the failure stands.
   */
  failed(shard: number, error: ResonanceError): boolean {
    if (error.code === "FORBIDDEN") {
      this.#isAllowed = false;
      return true;
    }
    if (error.code === "WRONG_SHARD") {
      this.#known = undefined;
      this.#learntMs = Number.NEGATIVE_INFINITY;
      void this.learn();
      return true;
    }
    if (!NO_OWNER.includes(error.code)) return false;
    this.#restUntilMs.set(shard, this.#nowMs() + REST_MS);
    void this.learn();
    return true;
  }

  #take({ shards, hash }: ShardsReply): void {
    if (hash.name !== HASH_NAME) {
      this.#isAllowed = false; // A newer engine's: only it knows where its users are.
      return;
    }
    if (this.#known?.shards !== shards) this.#restUntilMs.clear();
    this.#known = { shards, seed: hash.seed };
  }
}
