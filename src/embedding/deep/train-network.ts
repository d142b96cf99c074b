import { rehash32 } from "../../kernel/hash.ts";
import type { TrainingCheckpoints, TrainingProgress } from "../encoder-training.ts";
import type { FitMaterial } from "../fit-material.ts";
import type { LabelledMap } from "../fit-options.ts";
import { type ChosenStep, chooseStep, evaluationsSinceBest } from "./choose-step.ts";
import type { DeepWeights, NetworkBase } from "./deep-artefact.ts";
import { type NetworkMaterial, networkMaterial } from "./network-material.ts";
import { NetworkRun, type TrainingLimits } from "./network-run.ts";
import { type DeepKind, servedArrays } from "./network-shape.ts";
import type { Tensors } from "./tensor-ops.ts";
import { TRAINING } from "./training-options.ts";
import { packRuns, type RunState, TOKENS, unpackRuns } from "./training-state.ts";

/** What a network is trained with. */
export type NetworkTraining = Readonly<{
  kind: DeepKind;
  fit: FitMaterial;
  maps: readonly LabelledMap[];
  seed: number;
  tensors: Tensors;
  /** When a training ends: by default as {@link TRAINING} says. */
  limits?: TrainingLimits;
  onProgress?: (progress: TrainingProgress) => void;
  checkpoints?: TrainingCheckpoints;
}>;

/** A trained network, and networks of the same kind by which members can be scored whom they have not seen. */
export type TrainedNetwork = Readonly<{
  served: DeepWeights;
  heldOut: readonly Readonly<{ fold: number; weights: DeepWeights }>[];
  /** How long was trained, and what that gained over the linear encoder; step 0 if nothing. */
  chosen: ChosenStep;
}>;

/**
 * Trains a network until members who are not learnt from gain no more.
 *
 * Of few members each counts: for each fold a network is trained without it, the steps that serve all folds best are
 * taken, and a last one learns from everybody for as many. Of many, one network without one fold is enough, and it serves.
 * The same seed and backend give the same numbers, with an interruption or without.
 */
export async function trainNetwork(training: NetworkTraining): Promise<TrainedNetwork> {
  const { fit } = training;
  const isLarge = fit.corpus.eventMs.length >= TRAINING.manyEvents;
  const folds = isLarge ? [0] : Array.from({ length: fit.options.folds }, (_, fold) => fold);
  const runs = new Runs(training, isLarge, folds.length + (isLarge ? 0 : 1));
  await runs.resume();
  const materials = folds.map((fold) => networkMaterial(fit, fold));
  await runs.advanceTogether(materials);
  const chosen = chooseStep(folds.map((_, r) => runs.state(r).evaluations));
  const heldOut = folds.map((fold, r) => {
    const { arrays } = runs.state(r).evaluations[chosen.place]!;
    const material = materials[r]!;
    return { fold, weights: weightsOf(training.kind, material.base, arrays), material, arrays };
  });
  const [first] = heldOut;
  if (isLarge && first !== undefined) {
    const served = weightsOf(training.kind, first.material.servedBase(), first.arrays);
    return { served, heldOut, chosen };
  }
  const material = networkMaterial(fit, undefined);
  await runs.advanceBy(folds.length, material, chosen.step);
  const { working } = runs.state(folds.length);
  const values = Object.fromEntries(Object.entries(working).map(([name, of]) => [name, of.values]));
  return { served: weightsOf(training.kind, material.base, values), heldOut, chosen };
}

/** Weights that serve: the arrays that do, and the token table with what was added to it. */
function weightsOf(
  kind: DeepKind,
  base: NetworkBase,
  given: Readonly<Record<string, Float32Array>>,
): DeepWeights {
  const { [TOKENS]: added, ...rest } = given;
  const table = added === undefined ? base.table : base.table.map((value, i) => value + added[i]!);
  const shape = { kind, dim: base.dim, features: base.mean.length };
  const arrays = Object.fromEntries(Object.keys(servedArrays(shape)).map((name) => [name, rest[name]!]));
  return { kind, base: { ...base, table }, arrays };
}

/** The runs of a training, one after another, under one checkpoint. */
class Runs {
  readonly #training: NetworkTraining;
  readonly #isLarge: boolean;
  readonly #parts: number;
  #states: RunState[] = [];

  constructor(training: NetworkTraining, isLarge: boolean, parts: number) {
    this.#training = training;
    this.#isLarge = isLarge;
    this.#parts = parts;
  }

  state(r: number): RunState {
    return this.#states[r]!;
  }

  /** Goes on where a training of the same members, seed and kind was interrupted. */
  async resume(): Promise<void> {
    const bytes = await this.#training.checkpoints?.load();
    if (bytes !== undefined) this.#states = unpackRuns(this.#fingerprint(), bytes);
  }

  /**
   * Takes the runs that leave out one fold each to their end, side by side: what ends them is what the members left out of
   * all of them lose together, since those of one fold are too few to tell.
   */
  async advanceTogether(materials: readonly NetworkMaterial[]): Promise<void> {
    const runs = materials.map((material, r) => this.#open(r, material));
    const states = runs.map((run) => run.state);
    while (!this.#areExhausted(states)) {
      // Where an interruption left some of them behind, those go first.
      const fewest = Math.min(...states.map(({ evaluations }) => evaluations.length));
      for (const [r, run] of runs.entries()) {
        if (run.state.evaluations.length === fewest) await this.#advance(r, run);
      }
    }
    for (const state of states) state.working = {}; // Their evaluations are what they were for.
  }

  /** Takes a run that learns from everybody so many steps. */
  async advanceBy(r: number, material: NetworkMaterial, steps: number): Promise<void> {
    const run = this.#open(r, material, steps);
    while (!run.state.isDone) await this.#advance(r, run);
  }

  #open(r: number, material: NetworkMaterial, steps?: number): NetworkRun {
    const { kind, maps, seed, tensors, fit } = this.#training;
    const byUsers = Math.round(fit.corpus.users / TRAINING.membersMax / 2);
    const evaluateEvery = Math.min(TRAINING.evaluateEveryMax, Math.max(TRAINING.evaluateEveryMin, byUsers));
    const options = {
      kind,
      material,
      maps,
      seed,
      tensors,
      limits: this.#limits,
      learnsTokens: this.#isLarge,
      evaluateEvery,
    };
    const run = new NetworkRun(steps === undefined ? options : { ...options, steps }, this.#states[r]);
    this.#states[r] = run.state;
    return run;
  }

  async #advance(r: number, run: NetworkRun): Promise<void> {
    await run.advance();
    this.#tell(r, run);
    await this.#training.checkpoints?.save(packRuns(this.#fingerprint(), this.#states));
  }

  #areExhausted(states: readonly RunState[]): boolean {
    const evaluations = states.map((state) => state.evaluations);
    const [{ length: made } = { length: 0 }] = evaluations;
    if (made === 0 || evaluations.some(({ length }) => length !== made)) return false;
    const { stepsMax, eventsMax, patience } = this.#limits;
    return (
      evaluationsSinceBest(evaluations) >= patience ||
      states.some(({ step, events }) => step >= stepsMax || events >= eventsMax)
    );
  }

  get #limits(): TrainingLimits {
    const { limits, kind } = this.#training;
    return limits ?? { ...TRAINING, eventsMax: TRAINING.eventsMax[kind] };
  }

  #tell(part: number, run: NetworkRun): void {
    const { step, events, evaluations } = run.state;
    const losses = evaluations.at(-1)?.losses.filter((loss) => !Number.isNaN(loss));
    const { meanLoss: loss } = run;
    this.#training.onProgress?.({
      ...{ stage: "fit", step, steps: run.stepsExpected, events, part, parts: this.#parts },
      ...(losses === undefined
        ? {}
        : { heldOutLoss: losses.reduce((sum, one) => sum + one, 0) / losses.length }),
      ...(loss === undefined ? {} : { loss }),
    });
  }

  /** Names what is trained on what: the state of another training is not gone on with. */
  #fingerprint(): string {
    const { kind, seed, fit, maps } = this.#training;
    const { corpus, schema, options } = fit;
    let hash = 0;
    for (const id of corpus.tokenIds) hash = rehash32(id, hash);
    for (const labels of corpus.labels) for (const label of labels) hash = rehash32(label, hash);
    return [kind, seed, schema, options.dimMax, corpus.users, hash, JSON.stringify(maps)].join(" ");
  }
}
