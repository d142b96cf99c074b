import { rehash32 } from "../../kernel/hash.ts";
import { type Random, seededRandom } from "../../kernel/random.ts";
import type { TrainingCheckpoints, TrainingProgress } from "../encoder-training.ts";
import type { LabelledMap } from "../fit-options.ts";
import { adamRows, adamStep, type Moments, noMoments } from "./adam.ts";
import type { DeepWeights } from "./deep-artefact.ts";
import { initialArrays } from "./initial-arrays.ts";
import type { NetworkMaterial } from "./network-material.ts";
import { type DeepKind, servedArrays, trainingArrays } from "./network-shape.ts";
import { embedViews, lossAndSlopes, type StepNetwork, type TrainingBatch, unitRows } from "./network-step.ts";
import { sequenceBatch, tokenSlopes, type View } from "./sequence-batch.ts";
import { type EmbeddedRows, stoppingLoss } from "./stopping-loss.ts";
import type { Tensors } from "./tensor-ops.ts";
import { epochOrder, randomView, splitForTraining, twoSlices, viewOf } from "./training-split.ts";
import { packState, type TrainingState, unpackState } from "./training-state.ts";

/** What a network is trained with. */
export type NetworkTraining = Readonly<{
  kind: DeepKind;
  material: NetworkMaterial;
  maps: readonly LabelledMap[];
  seed: number;
  tensors: Tensors;
  onProgress?: (progress: TrainingProgress) => void;
  checkpoints?: TrainingCheckpoints;
}>;

/** Members of a step, and pairs of slices beside them. */
const BATCH = { members: 256, pairs: 64 } as const;
/** Share of the events that a step does not see, and of the numbers between layers. */
const DROPOUT = { events: 0.1, numbers: 0.2 } as const;
const RATE = { arrays: 1e-3, tokens: 3e-4, warmUpSteps: 20 } as const;
const WEIGHT_DECAY = { arrays: 0.01, tokens: 0.1 } as const;
/** A token of fewer users keeps the row that was fitted: what could be learnt of it is who they are. */
const USERS_FOR_ROW = 5;
/** Events read at most, each as often as it is read, and steps. */
const LIMITS = { events: 6_000_000, steps: 4_000 } as const;
/** Evaluations without a better one that end the training. */
const PATIENCE = 6;
/** A smaller gain is chance, in nats. */
const GAIN_MIN = 1e-4;
const EVALUATED = { members: 4_096, stopping: 6_000, chunk: 512 } as const;
const SALT = { weights: 0x77656967, step: 0x73746570 } as const;

/**
 * Trains a network by gradient descent, until members who were not learnt from gain no more. The same seed and
 * backend give the same numbers, with an interruption or without.
 *
 * @returns The best arrays that were met; the first ones, which add nothing to the linear encoder, if none was better.
 */
export async function trainNetwork(training: NetworkTraining): Promise<DeepWeights["arrays"]> {
  const trainer = new NetworkTrainer(training);
  await trainer.resume();
  trainer.start();
  while (!trainer.isDone) {
    trainer.step();
    if (trainer.isEvaluationDue) {
      trainer.evaluate();
      await training.checkpoints?.save(trainer.checkpoint());
    }
  }
  return trainer.finish();
}

class NetworkTrainer {
  readonly #training: NetworkTraining;
  readonly #learning: Uint32Array;
  readonly #stopping: readonly View[];
  readonly #profiled: readonly View[];
  readonly #logPriors: readonly Float32Array[];
  readonly #shapes: Record<string, readonly number[]>;
  readonly #moments: Record<string, Moments>;
  readonly #tokenSlopes: Float32Array;
  readonly #evaluateEvery: number;
  #state: TrainingState;
  #order: { epoch: number; users: Uint32Array } | undefined;
  #losses: number[] = [];

  constructor(training: NetworkTraining) {
    this.#training = training;
    const { kind, material, seed, maps } = training;
    const { corpus, base, added, leftOut } = material;
    const split = splitForTraining(corpus, leftOut, seed);
    this.#learning = split.learning;
    this.#stopping = samplesOf(corpus, split.stopping, EVALUATED.stopping);
    const profiled = epochOrder(split.learning, 0, seed).subarray(0, EVALUATED.members);
    this.#profiled = [...profiled].map((user) => viewOf(corpus, user, corpus.samplesAt[user + 1]! - 1));
    this.#logPriors = maps.map(({ segments }, m) =>
      logShares(corpus.labels[m]!, split.learning, segments.length),
    );
    const shape = { kind, dim: base.dim, features: base.mean.length };
    this.#shapes = { ...servedArrays(shape), ...trainingArrays(shape) };
    const arrays = initialArrays(shape, seededRandom(rehash32(seed, SALT.weights)));
    this.#moments = Object.fromEntries(
      Object.entries(arrays).map(([name, { length }]) => [name, noMoments(length)]),
    );
    this.#tokenSlopes = new Float32Array(added.length);
    const stepsAnEpoch = Math.ceil(this.#learning.length / BATCH.members);
    this.#evaluateEvery = Math.min(100, Math.max(20, Math.round(stepsAnEpoch / 2)));
    this.#state = {
      step: 0,
      events: 0,
      worse: 0,
      arrays,
      moments: this.#moments,
      added,
      addedMoments: noMoments(added.length),
      best: undefined,
    };
  }

  /** Goes on where a training of the same members, seed and kind was interrupted. */
  async resume(): Promise<void> {
    const bytes = await this.#training.checkpoints?.load();
    if (bytes !== undefined) unpackState(this.#fingerprint(), bytes, this.#state);
  }

  /** Notes how good the linear encoder is that the network starts from. */
  start(): void {
    if (this.#state.best === undefined) this.evaluate();
  }

  get isDone(): boolean {
    const { step, events, worse } = this.#state;
    return step >= LIMITS.steps || events >= LIMITS.events || worse >= PATIENCE;
  }

  get isEvaluationDue(): boolean {
    return this.#state.step % this.#evaluateEvery === 0 || this.isDone;
  }

  step(): void {
    const state = this.#state;
    const { seed, tensors } = this.#training;
    const random = seededRandom(rehash32(state.step, SALT.step ^ seed));
    const batch = this.#batch(random);
    const keep = 1 - DROPOUT.numbers;
    const dropout = ([rows, columns]: readonly [number, number]): Float32Array =>
      Float32Array.from({ length: rows * columns }, () => (random() < keep ? 1 / keep : 0));
    const slopes = lossAndSlopes(tensors, this.#network(), batch, dropout);
    state.step++;
    state.events += batch.sequences.events.length;
    this.#losses.push(slopes.loss);
    const warm = Math.min(1, state.step / RATE.warmUpSteps);
    const { step } = state;
    for (const [name, of] of Object.entries(slopes.arrays)) {
      const decays = this.#shapes[name]!.length > 1;
      const size = { rate: RATE.arrays * warm, weightDecay: decays ? WEIGHT_DECAY.arrays : 0, step };
      adamStep(state.arrays[name]!, of, state.moments[name]!, size);
    }
    this.#stepTokens(batch, slopes, { rate: RATE.tokens * warm, weightDecay: WEIGHT_DECAY.tokens, step });
  }

  /** Compares with the best so far, on members who were not learnt from. */
  evaluate(): void {
    const state = this.#state;
    const loss = this.#stoppingLoss();
    if (loss < (state.best?.loss ?? Number.POSITIVE_INFINITY) - GAIN_MIN) {
      const arrays = Object.fromEntries(Object.entries(state.arrays).map(([name, of]) => [name, of.slice()]));
      state.best = { loss, arrays, added: state.added.slice() };
      state.worse = 0;
    } else state.worse++;
    const { step, events } = state;
    const mean = this.#losses.reduce((sum, one) => sum + one, 0) / this.#losses.length;
    this.#losses = [];
    this.#training.onProgress?.({
      stage: "fit",
      step,
      steps: this.#stepsExpected(),
      events,
      heldOutLoss: loss,
      ...(Number.isNaN(mean) ? {} : { loss: mean }),
    });
  }

  checkpoint(): Uint8Array {
    return packState(this.#fingerprint(), this.#state);
  }

  /** The best arrays that serve; what is added to the tokens becomes the best, too. */
  finish(): DeepWeights["arrays"] {
    const { kind, material } = this.#training;
    const { base, added } = material;
    const { arrays, added: bestAdded } = this.#state.best ?? this.#state;
    added.set(bestAdded);
    const served = servedArrays({ kind, dim: base.dim, features: base.mean.length });
    return Object.fromEntries(Object.keys(served).map((name) => [name, arrays[name]!]));
  }

  /** The steps that the limit on events allows, as far as can be told. */
  #stepsExpected(): number {
    const { step, events } = this.#state;
    if (step === 0) return LIMITS.steps;
    return Math.max(step, Math.min(LIMITS.steps, Math.ceil((LIMITS.events * step) / Math.max(1, events))));
  }

  #network(): StepNetwork {
    const { kind, material } = this.#training;
    const { dim, supervised, fill } = material.base;
    return { kind, dim, supervised, fill, arrays: this.#state.arrays, shapes: this.#shapes };
  }

  #batch(random: Random): TrainingBatch {
    const { material } = this.#training;
    const { corpus, isTarget, base } = material;
    const users = this.#nextUsers();
    const members = users.map((user) => randomView(corpus, user, random));
    const slices = users.flatMap((user) => {
      const pair = twoSlices(corpus, user, random);
      return pair === undefined ? [] : [pair];
    });
    const pairs = slices.slice(0, BATCH.pairs);
    const views = [...members, ...pairs.map(([earlier]) => earlier), ...pairs.map(([, later]) => later)];
    const sequences = sequenceBatch(material, views, () => random() < DROPOUT.events);
    const targets = Int32Array.from(pairs, ([, later]) => firstTarget(corpus, isTarget, later));
    const hasTargets = targets.every((token) => token >= 0);
    const dim = base.dim;
    return {
      sequences,
      members: members.length,
      pairs: pairs.length,
      maps: this.#logPriors.map((logPrior, m) => ({
        labels: Int16Array.from(users, (user) => corpus.labels[m]![user]!),
        logPrior,
      })),
      pairLabels: Int16Array.from(pairs, ([{ user }]) => corpus.labels[0]![user]!),
      targets: hasTargets ? targets : new Int32Array(),
      targetRows: hasTargets ? unitRows(base.table, targets, dim) : new Float32Array(),
    };
  }

  #nextUsers(): number[] {
    const size = Math.min(BATCH.members, this.#learning.length);
    const stepsAnEpoch = Math.max(1, Math.floor(this.#learning.length / size));
    const epoch = Math.floor(this.#state.step / stepsAnEpoch);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, users: epochOrder(this.#learning, epoch, this.#training.seed) };
    }
    const from = (this.#state.step % stepsAnEpoch) * size;
    return [...this.#order.users.subarray(from, from + size)];
  }

  #stepTokens(
    { sequences }: TrainingBatch,
    { ofVectors, ofProjected }: { ofVectors: Float32Array | undefined; ofProjected: Float32Array },
    size: { readonly rate: number; readonly weightDecay: number; readonly step: number },
  ): void {
    const { material } = this.#training;
    const { dim } = material.base;
    const { usersOf } = material.corpus;
    const sums = this.#tokenSlopes;
    const touched = new Set<number>();
    tokenSlopes(material, sequences, ofVectors, ofProjected, (token, slopes, at, factor) => {
      if (usersOf[token]! < USERS_FOR_ROW) return;
      touched.add(token);
      for (let i = 0; i < dim; i++) sums[token * dim + i]! += factor * slopes[at + i]!;
    });
    const ids = [...touched];
    adamRows(this.#state.added, sums, this.#state.addedMoments, { ids, width: dim }, size);
    for (const id of ids) sums.fill(0, id * dim, (id + 1) * dim);
  }

  /** Over all maps, relative to their priors: below 0 is better than those. */
  #stoppingLoss(): number {
    const { maps, material } = this.#training;
    const profiled = this.#embed(this.#profiled);
    const stopping = this.#embed(this.#stopping);
    let sum = 0;
    for (const [m, { segments }] of maps.entries()) {
      const labelled = (rows: Embedded): EmbeddedRows => ({
        ...rows,
        labels: Int16Array.from(rows.views, ({ user }) => material.corpus.labels[m]![user]!),
      });
      const found = stoppingLoss(material.base.dim, segments.length, labelled(profiled), labelled(stopping));
      if (found !== undefined) sum += found.loss;
    }
    return sum;
  }

  #embed(views: readonly View[]): Embedded {
    const { tensors, material } = this.#training;
    const { dim } = material.base;
    const embeddings = new Float32Array(views.length * dim);
    const evidence = new Float64Array(views.length);
    for (let from = 0; from < views.length; from += EVALUATED.chunk) {
      const sequences = sequenceBatch(material, views.slice(from, from + EVALUATED.chunk));
      embeddings.set(embedViews(tensors, this.#network(), sequences), from * dim);
      evidence.set(sequences.evidence, from);
    }
    return { views, embeddings, evidence };
  }

  /** Names what is trained on what: the state of another training is not gone on with. */
  #fingerprint(): string {
    const { kind, seed, material } = this.#training;
    const { corpus, base } = material;
    return [kind, seed, base.schema, base.dim, corpus.users, corpus.tokenIds.length, hashOf(base.table)].join(
      " ",
    );
  }
}

type Embedded = Readonly<{ views: readonly View[]; embeddings: Float32Array; evidence: Float64Array }>;

function samplesOf(corpus: NetworkMaterial["corpus"], users: Uint32Array, most: number): View[] {
  const views: View[] = [];
  for (const user of users) {
    if (views.length >= most) break;
    for (let sample = corpus.samplesAt[user]!; sample < corpus.samplesAt[user + 1]!; sample++) {
      views.push(viewOf(corpus, user, sample));
    }
  }
  return views;
}

function logShares(labels: Int16Array, users: Uint32Array, segments: number): Float32Array {
  const counts = new Float64Array(segments).fill(1);
  for (const user of users) if (labels[user]! >= 0) counts[labels[user]!]! += 1;
  const all = counts.reduce((sum, count) => sum + count, 0);
  return Float32Array.from(counts, (count) => Math.log(count / all));
}

/** The first token of a view that is to be guessed; -1 if there is none. */
function firstTarget(
  { tokensAt, tokenIds }: NetworkMaterial["corpus"],
  isTarget: Uint8Array,
  view: View,
): number {
  for (let t = tokensAt[view.from]!; t < tokensAt[view.to]!; t++) {
    if (isTarget[tokenIds[t]!] === 1) return tokenIds[t]!;
  }
  return -1;
}

function hashOf(values: Float32Array): number {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return words.reduce((hash, word) => rehash32(word, hash), 0);
}
