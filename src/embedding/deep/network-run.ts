import { rehash32 } from "../../kernel/hash.ts";
import { type Random, seededRandom } from "../../kernel/random.ts";
import type { LabelledMap } from "../fit-options.ts";
import { adamRows, adamStep, noMoments, type StepSize } from "./adam.ts";
import { HeldOutEvaluation } from "./held-out-evaluation.ts";
import { initialArrays } from "./initial-arrays.ts";
import type { NetworkMaterial } from "./network-material.ts";
import { type DeepKind, servedArrays, trainingArrays } from "./network-shape.ts";
import {
  lossAndSlopes,
  type Slopes,
  type StepNetwork,
  type TrainingBatch,
  unitRows,
} from "./network-step.ts";
import { sequenceBatch, tokenSlopes, type View } from "./sequence-batch.ts";
import type { Tensors } from "./tensor-ops.ts";
import { TRAINING } from "./training-options.ts";
import { epochOrder, randomView, twoSlices } from "./training-split.ts";
import { type RunState, TOKENS, type WorkingArrays } from "./training-state.ts";

/** What a run is of. */
export type NetworkRunOptions = Readonly<{
  kind: DeepKind;
  material: NetworkMaterial;
  maps: readonly LabelledMap[];
  seed: number;
  tensors: Tensors;
  /** Whether rows of the token table are learnt, too. */
  learnsTokens: boolean;
  limits: TrainingLimits;
  /** Steps between two evaluations. */
  evaluateEvery: number;
  /** Ends after exactly so many steps, and evaluates nothing; without it, whoever asks for more says when it ends. */
  steps?: number;
}>;

/** What ends a run. */
export type TrainingLimits = Readonly<{ eventsMax: number; stepsMax: number; patience: number }>;

const SALT = { weights: 0x77656967, step: 0x73746570 } as const;

/**
 * One training by gradient descent. Each step draws its chance from its number, so that a run that goes on from its
 * state takes the same steps as one that never stopped.
 */
export class NetworkRun {
  readonly state: RunState;
  readonly #options: NetworkRunOptions;
  readonly #learning: Uint32Array;
  readonly #members: number;
  readonly #heldOut: HeldOutEvaluation;
  readonly #logPriors: readonly Float32Array[];
  readonly #shapes: Record<string, readonly number[]>;
  readonly #tokenSlopes: Float32Array;
  #order: Readonly<{ epoch: number; users: Uint32Array }> | undefined;
  #losses: number[] = [];

  /** @param state - Of the same run, interrupted; undefined to begin. */
  constructor(options: NetworkRunOptions, state: RunState | undefined) {
    this.#options = options;
    const { kind, material, maps, tensors } = options;
    const { corpus, base, added, leftOut } = material;
    const users = Uint32Array.from(corpus.foldOf.keys());
    this.#learning = users.filter((u) => corpus.foldOf[u] !== leftOut);
    this.#members = membersAStep(corpus.eventsAt.at(-1)! / corpus.users, this.#learning.length);
    this.#heldOut = new HeldOutEvaluation(material, maps, tensors);
    this.#logPriors = maps.map(({ segments }, m) =>
      logShares(corpus.labels[m]!, this.#learning, segments.length),
    );
    const shape = { kind, dim: base.dim, features: base.mean.length };
    this.#shapes = { ...servedArrays(shape), ...trainingArrays(shape, maps.length) };
    this.#tokenSlopes = new Float32Array(options.learnsTokens ? added.length : 0);
    this.state = state ?? { step: 0, events: 0, isDone: false, evaluations: [], working: this.#first() };
    const held = this.state.working[TOKENS];
    if (held !== undefined) added.set(held.values);
  }

  /** Mean loss of the steps since the last evaluation, in nats; undefined if there were none. */
  get meanLoss(): number | undefined {
    const { length } = this.#losses;
    return length === 0 ? undefined : this.#losses.reduce((sum, one) => sum + one, 0) / length;
  }

  /** Steps that the run may take, as far as can be told. */
  get stepsExpected(): number {
    const { step, events } = this.state;
    if (this.#options.steps !== undefined) return this.#options.steps;
    const { stepsMax, eventsMax } = this.#options.limits;
    if (events === 0) return stepsMax;
    return Math.max(step, Math.min(stepsMax, Math.ceil((eventsMax * step) / events)));
  }

  /** Takes steps up to the next evaluation, and makes that. Between steps the thread's connections get their turn. */
  async advance(): Promise<void> {
    const { state } = this;
    const { evaluateEvery, steps, tensors } = this.#options;
    this.#losses = [];
    if (steps === undefined && state.evaluations.length === 0) {
      this.#evaluate(); // The linear encoder alone.
      return;
    }
    const until = Math.min(steps ?? Number.POSITIVE_INFINITY, state.step + evaluateEvery);
    while (state.step < until) {
      this.#step();
      await tensors.nextFrame();
    }
    if (steps === undefined) this.#evaluate();
    else state.isDone = state.step >= steps;
  }

  #first(): WorkingArrays {
    const { kind, material, maps, seed, learnsTokens } = this.#options;
    const shape = { kind, dim: material.base.dim, features: material.base.mean.length };
    const arrays = initialArrays(shape, maps.length, seededRandom(rehash32(seed, SALT.weights)));
    const all = learnsTokens ? { ...arrays, [TOKENS]: material.added } : arrays;
    return Object.fromEntries(
      Object.entries(all).map(([name, values]) => [name, { values, moments: noMoments(values.length) }]),
    );
  }

  #step(): void {
    const { state } = this;
    const { seed, tensors, learnsTokens } = this.#options;
    const random = seededRandom(rehash32(state.step, SALT.step ^ seed));
    const batch = this.#batch(random);
    const keep = 1 - TRAINING.numberDropout;
    const dropout = ([rows, columns]: readonly [number, number]): Float32Array => {
      const factors = new Float32Array(rows * columns);
      for (let i = 0; i < factors.length; i++) factors[i] = random() < keep ? 1 / keep : 0;
      return factors;
    };
    const slopes = lossAndSlopes(tensors, this.#network(), batch, dropout);
    state.step++;
    state.events += batch.sequences.events.length;
    this.#losses.push(slopes.loss);
    const rate = TRAINING.rate * Math.min(1, state.step / TRAINING.warmUpSteps);
    for (const [name, of] of Object.entries(slopes.arrays)) {
      const { values, moments } = state.working[name]!;
      const isScale = name === "sharpness";
      const weightDecay = this.#shapes[name]!.length > 1 && !isScale ? TRAINING.weightDecay : 0;
      const fast = isScale ? TRAINING.sharpnessHaste : 1;
      adamStep(values, of, moments, { rate: fast * rate, weightDecay, step: state.step });
    }
    if (learnsTokens) {
      this.#stepTokens(batch, slopes, { rate, weightDecay: TRAINING.tokenWeightDecay, step: state.step });
    }
  }

  #stepTokens({ sequences }: TrainingBatch, { ofVectors, ofProjected }: Slopes, size: StepSize): void {
    const { material } = this.#options;
    const { dim } = material.base;
    const { usersOf } = material.corpus;
    const sums = this.#tokenSlopes;
    const touched = new Set<number>();
    tokenSlopes(material, sequences, ofVectors, ofProjected, (token, slopes, at, factor) => {
      if (usersOf[token]! < TRAINING.usersForRow) return;
      touched.add(token);
      for (let i = 0; i < dim; i++) sums[token * dim + i]! += factor * slopes[at + i]!;
    });
    const ids = [...touched];
    const { moments, values } = this.state.working[TOKENS]!;
    adamRows(values, sums, moments, { ids, width: dim }, size);
    material.added.set(values);
    for (const id of ids) sums.fill(0, id * dim, (id + 1) * dim);
  }

  #network(): StepNetwork {
    const { kind, material } = this.#options;
    const { dim, supervised, fill } = material.base;
    return { kind, dim, supervised, fill, arrays: this.#values(), shapes: this.#shapes };
  }

  #values(): Record<string, Float32Array> {
    return Object.fromEntries(Object.entries(this.state.working).map(([name, { values }]) => [name, values]));
  }

  #batch(random: Random): TrainingBatch {
    const { material } = this.#options;
    const { corpus, isTarget, base } = material;
    const users = this.#nextUsers();
    const members = users.map((user) => randomView(corpus, user, random));
    const slices = users.flatMap((user) => {
      const pair = twoSlices(corpus, user, random);
      return pair === undefined ? [] : [pair];
    });
    const pairs = slices.slice(0, Math.floor(this.#members * TRAINING.pairShare));
    const views = [...members, ...pairs.map(([earlier]) => earlier), ...pairs.map(([, later]) => later)];
    const sequences = sequenceBatch(material, views, () => random() < TRAINING.eventDropout);
    const targets = Int32Array.from(pairs, ([, later]) => firstTarget(corpus, isTarget, later));
    const hasTargets = targets.every((token) => token >= 0);
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
      targetRows: hasTargets ? unitRows(base.table, targets, base.dim) : new Float32Array(),
    };
  }

  #nextUsers(): number[] {
    const stepsAnEpoch = Math.max(1, Math.floor(this.#learning.length / this.#members));
    const epoch = Math.floor(this.state.step / stepsAnEpoch);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, users: epochOrder(this.#learning, epoch, this.#options.seed) };
    }
    const from = (this.state.step % stepsAnEpoch) * this.#members;
    return [...this.#order.users.subarray(from, from + this.#members)];
  }

  /** Notes what members lose who were not learnt from. The token table is kept of the best evaluation only. */
  #evaluate(): void {
    const { step, evaluations } = this.state;
    const losses = this.#heldOut.losses(this.#network());
    const copies = Object.entries(this.#values()).map(([name, values]) => [name, values.slice()] as const);
    const { [TOKENS]: tokens, ...rest } = Object.fromEntries(copies);
    const isBest = evaluations.every((other) => meanOf(losses) < meanOf(other.losses));
    if (!isBest || tokens === undefined) {
      evaluations.push({ step, losses, arrays: rest });
      return;
    }
    for (const [e, { arrays, ...other }] of evaluations.entries()) {
      const { [TOKENS]: _, ...without } = arrays;
      evaluations[e] = { ...other, arrays: without };
    }
    evaluations.push({ step, losses, arrays: { ...rest, [TOKENS]: tokens } });
  }
}

function membersAStep(meanEvents: number, learning: number): number {
  const { membersMax, membersMin, eventsAStep } = TRAINING;
  const byEvents = Math.round(eventsAStep / Math.max(1, meanEvents));
  return Math.min(learning, membersMax, Math.max(membersMin, byEvents));
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

function meanOf(losses: Float32Array): number {
  let [sum, count] = [0, 0];
  for (const loss of losses) {
    if (Number.isNaN(loss)) continue;
    sum += loss;
    count++;
  }
  return count === 0 ? Number.POSITIVE_INFINITY : sum / count;
}
