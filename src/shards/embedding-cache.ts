import { hash32 } from "../kernel/hash.ts";
import type { Context } from "./context.ts";
import { embedContext } from "./embed-context.ts";
import type { ShardState } from "./shard-state.ts";

/** Contexts whose embeddings are kept: 2 MB a shard at 32 dimensions. A power of two. */
const PLACES = 16_384;

/**
 * Embeddings of contexts that were asked for, kept until their next event. An embedding follows from the context alone, and
 * reading the features costs more than all the rest of a score. Of two contexts with one place the later one stays.
 */
export class EmbeddingCache {
  readonly #shard: ShardState;
  readonly #contexts: (Context | undefined)[] = [];
  readonly #sequences = new Float64Array(PLACES);
  readonly #evidence = new Float64Array(PLACES);
  #embeddings = new Float32Array(0);
  #stateKey = "";

  constructor(shard: ShardState) {
    this.#shard = shard;
    shard.onErased.add((user) => this.#forget(user));
  }

  /**
   * Writes a context's embedding, as of its newest event, into the shard's scratch. The context must be one of the
   * encoder in force.
   *
   * @returns The effective events behind it.
   */
  embed(context: Context): number {
    const { encoder, scratch, stateKey } = this.#shard;
    const { dim } = encoder;
    if (this.#stateKey !== stateKey) {
      this.#stateKey = stateKey;
      this.#contexts.length = 0;
      this.#embeddings = new Float32Array(PLACES * dim);
    }
    const place = hash32(context.user) % PLACES;
    const from = place * dim;
    // The very object, too: one that was read from the store again may have lost what was never committed.
    if (this.#contexts[place] === context && this.#sequences[place] === context.lastSequence) {
      scratch.embeddedBy = encoder.version;
      for (let i = 0; i < dim; i++) scratch.embedding[i] = this.#embeddings[from + i] ?? 0;
      return this.#evidence[place] ?? 0;
    }
    const evidence = embedContext(this.#shard, context);
    this.#contexts[place] = context;
    this.#sequences[place] = context.lastSequence;
    this.#evidence[place] = evidence;
    this.#embeddings.set(scratch.embedding, from);
    return evidence;
  }

  #forget(user: string): void {
    const place = hash32(user) % PLACES;
    if (this.#contexts[place]?.user !== user) return;
    this.#contexts[place] = undefined;
    const { dim } = this.#shard.encoder;
    this.#embeddings.fill(0, place * dim, (place + 1) * dim);
  }
}
