import type { LabelledMap } from "../fit-options.ts";
import type { NetworkMaterial } from "./network-material.ts";
import { embedViews, type StepNetwork } from "./network-step.ts";
import { sequenceBatch, type View } from "./sequence-batch.ts";
import { type EmbeddedRows, stoppingLosses } from "./stopping-loss.ts";
import type { Tensors } from "./tensor-ops.ts";
import { TRAINING } from "./training-options.ts";
import { epochOrder, viewOf } from "./training-split.ts";

/** Draws who is looked at, the same for all seeds: what differs between trainings is not who judged them. */
const SEED = 1;

/** Scores the members whom a network does not learn from against the profiles of those it does. */
export class HeldOutEvaluation {
  readonly #material: NetworkMaterial;
  readonly #maps: readonly LabelledMap[];
  readonly #tensors: Tensors;
  /** At every sampled length. */
  readonly #scored: readonly View[];
  /** At the end of their histories. */
  readonly #profiled: readonly View[];

  constructor(material: NetworkMaterial, maps: readonly LabelledMap[], tensors: Tensors) {
    this.#material = material;
    this.#maps = maps;
    this.#tensors = tensors;
    const { corpus, leftOut } = material;
    const users = Uint32Array.from(corpus.foldOf.keys());
    const heldOut = users.filter((u) => corpus.foldOf[u] === leftOut);
    const learning = users.filter((u) => corpus.foldOf[u] !== leftOut);
    this.#scored = samplesOf(corpus, epochOrder(heldOut, 0, SEED));
    const profiled = epochOrder(learning, 0, SEED).subarray(0, TRAINING.profiledMax);
    this.#profiled = Array.from(profiled, (user) => viewOf(corpus, user, corpus.samplesAt[user + 1]! - 1));
  }

  /** Of each member left out, the mean over the sampled lengths, summed over the maps. */
  losses(network: StepNetwork): Float32Array {
    const maps = this.#maps;
    const { corpus, base } = this.#material;
    const profiled = this.#embed(network, this.#profiled);
    const scored = this.#embed(network, this.#scored);
    const sums = new Map<number, { sum: number; count: number }>();
    for (const { user } of this.#scored) sums.set(user, { sum: 0, count: 0 });
    for (const [m, { segments }] of maps.entries()) {
      const labelled = (rows: Embedded): EmbeddedRows => ({
        ...rows,
        labels: Int16Array.from(rows.views, ({ user }) => corpus.labels[m]![user]!),
      });
      const losses = stoppingLosses(base.dim, segments.length, labelled(profiled), labelled(scored));
      for (const [row, { user }] of this.#scored.entries()) {
        const held = sums.get(user)!;
        if (Number.isNaN(losses[row]!)) continue;
        held.sum += losses[row]!;
        held.count += 1 / maps.length;
      }
    }
    return Float32Array.from(sums.values(), ({ sum, count }) => (count === 0 ? Number.NaN : sum / count));
  }

  #embed(network: StepNetwork, views: readonly View[]): Embedded {
    const material = this.#material;
    const { dim } = material.base;
    const embeddings = new Float32Array(views.length * dim);
    const evidence = new Float64Array(views.length);
    for (let from = 0; from < views.length; from += TRAINING.chunk) {
      const sequences = sequenceBatch(material, views.slice(from, from + TRAINING.chunk));
      embeddings.set(embedViews(this.#tensors, network, sequences), from * dim);
      evidence.set(sequences.evidence, from);
    }
    return { views, embeddings, evidence };
  }
}

type Embedded = Readonly<{ views: readonly View[]; embeddings: Float32Array; evidence: Float64Array }>;

/** The samples of as many users as are scored at most. */
function samplesOf(corpus: NetworkMaterial["corpus"], users: Uint32Array): View[] {
  const views: View[] = [];
  for (const user of users) {
    if (views.length >= TRAINING.scoredMax) break;
    for (let sample = corpus.samplesAt[user]!; sample < corpus.samplesAt[user + 1]!; sample++) {
      views.push(viewOf(corpus, user, sample));
    }
  }
  return views;
}
