import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { EVENT_INPUTS } from "../event-inputs.ts";
import { addScaledSingle, scale } from "../vector.ts";
import { contrastLoss, type LabelledRows, prototypeLoss, sharpnessOf } from "./losses.ts";
import { composeGraph, networkGraph, type Parameters, restorationError } from "./network-graph.ts";
import type { DeepKind } from "./network-shape.ts";
import type { SequenceBatch } from "./sequence-batch.ts";
import { dense, type Tensors } from "./tensor-ops.ts";

/** Weights of the losses beside the prototypes' (METHODS 6.3). */
const LOSS_WEIGHTS = { contrast: 0.5, next: 0.1, restoration: 0.1 } as const;
const TEMPERATURE = 0.1;

/** A batch: first `members` views to be told apart, then `pairs` earlier slices, then the later slices of the same users. */
export type TrainingBatch = Readonly<{
  sequences: SequenceBatch;
  members: number;
  pairs: number;
  /** Of the members, by map. */
  maps: readonly LabelledRows[];
  /** Segment of each pair's user in the first map, -1 without one. */
  pairLabels: Int16Array;
  /** Token that comes first in the later slice, and its row of length 1; empty if there is none. */
  targets: Int32Array;
  targetRows: Float32Array;
}>;

export type Slopes = Readonly<{
  loss: number;
  /** By name; an array that had no part in the loss is left out. */
  arrays: Readonly<Record<string, Float32Array>>;
  /** Shape [events, dim + EVENT_INPUTS]; none for a network that reads no events. */
  ofVectors: Float32Array | undefined;
  /** Shape [views, dim]. */
  ofProjected: Float32Array;
}>;

export type StepNetwork = Readonly<{
  kind: DeepKind;
  dim: number;
  supervised: number;
  fill: number;
  /** Values and shape by name. */
  arrays: Readonly<Record<string, Float32Array>>;
  shapes: Readonly<Record<string, readonly number[]>>;
}>;

/** The loss of a batch and its slopes. */
export function lossAndSlopes(
  tf: Tensors,
  network: StepNetwork,
  batch: TrainingBatch,
  dropout: (shape: readonly [number, number]) => Float32Array,
): Slopes {
  const { kind, dim } = network;
  const { sequences } = batch;
  const views = sequences.views.length;
  const names = Object.keys(network.shapes).filter(
    (name) => name !== "nextWeights" || batch.targets.length > 0,
  );
  const readsEvents = kind !== "autoencoder";
  let slopes: Slopes | undefined;
  tf.tidy(() => {
    const vectors = tf.tensor2d(sequences.vectors, [sequences.events.length, dim + EVENT_INPUTS]);
    const projected = tf.tensor2d(sequences.projected, [views, dim]);
    const values = names.map((name) => tf.tensor(network.arrays[name]!, [...network.shapes[name]!]));
    const leaves: Tensor[] = readsEvents ? [vectors, projected, ...values] : [projected, ...values];
    const of = (...given: Tensor[]): Tensor => {
      const [v, p] = readsEvents ? [given[0]!, given[1]!] : [vectors, given[0]!];
      const rest = given.slice(readsEvents ? 2 : 1);
      const parameters = Object.fromEntries(names.map((name, i) => [name, rest[i]!]));
      const read = { vectors: v as Tensor2D, projected: p as Tensor2D };
      return lossOf(tf, network, batch, parameters, read, dropout);
    };
    const { value, grads } = tf.valueAndGrads(of as (...args: Tensor[]) => Tensor)(leaves);
    const read = grads.map((slope) => slope.dataSync() as Float32Array);
    const [ofVectors, ofProjected] = readsEvents ? [read[0], read[1]!] : [undefined, read[0]!];
    const rest = read.slice(readsEvents ? 2 : 1);
    const arrays = Object.fromEntries(names.map((name, i) => [name, rest[i]!]));
    slopes = { loss: value.dataSync()[0]!, arrays, ofVectors, ofProjected };
  });
  return slopes!;
}

function lossOf(
  tf: Tensors,
  { kind, dim, supervised, fill }: StepNetwork,
  { sequences, members, pairs, maps, pairLabels, targets, targetRows }: TrainingBatch,
  parameters: Parameters,
  read: { readonly vectors: Tensor2D; readonly projected: Tensor2D },
  dropout: (shape: readonly [number, number]) => Float32Array,
): Tensor {
  const views = sequences.views.length;
  const features = tf.tensor2d(sequences.features, [views, sequences.features.length / views]);
  const code = networkGraph(tf, kind, parameters, {
    ...read,
    features,
    offsets: sequences.offsets,
    gapDays: sequences.gapDays,
    laterDays: new Float32Array(views),
    dropout: (shape) => tf.tensor2d(dropout(shape), [...shape]),
  });
  const embeddings = composeGraph(tf, code, supervised, fill);
  const rows = (from: number, count: number): Tensor2D => tf.slice(embeddings, [from, 0], [count, dim]);
  // The scales stay in the graph of a batch in which no map can tell anybody apart.
  let loss: Tensor = tf.mul(tf.sum(parameters["sharpness"]!), 0);
  const evidence = sequences.evidence.subarray(0, members);
  for (const [m, map] of maps.entries()) {
    const ofMap = tf.reshape(tf.slice(parameters["sharpness"]!, [m, 0], [1, 2]), [2]) as Tensor1D;
    const sharpness = sharpnessOf(tf, ofMap, evidence);
    loss = tf.add(loss, prototypeLoss(tf, rows(0, members), map, sharpness));
  }
  if (pairs > 1) {
    const isStranger = (i: number, j: number): boolean =>
      pairLabels[i]! < 0 || pairLabels[i] !== pairLabels[j];
    const [earlier, later] = [rows(members, pairs), rows(members + pairs, pairs)];
    const contrast = contrastLoss(tf, earlier, later, TEMPERATURE, isStranger);
    loss = tf.add(loss, tf.mul(contrast, LOSS_WEIGHTS.contrast));
    if (targets.length > 0) {
      const guesses = dense(tf, earlier, parameters["nextWeights"] as Tensor2D);
      const isOther = (i: number, j: number): boolean => targets[i] !== targets[j];
      const found = contrastLoss(tf, guesses, tf.tensor2d(targetRows, [pairs, dim]), 1, isOther);
      loss = tf.add(loss, tf.mul(found, LOSS_WEIGHTS.next));
    }
  }
  if (kind === "autoencoder") {
    const restored = restorationError(tf, parameters, code, { features, projected: read.projected });
    loss = tf.add(loss, tf.mul(restored, LOSS_WEIGHTS.restoration));
  }
  return tf.sum(loss);
}

/** Embeds views as they will be served; shape [views, dim]. */
export function embedViews(tf: Tensors, network: StepNetwork, sequences: SequenceBatch): Float32Array {
  const { kind, dim, supervised, fill } = network;
  const views = sequences.views.length;
  const out = new Float32Array(views * dim);
  tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(network.shapes).map(([name, shape]) => [
        name,
        tf.tensor(network.arrays[name]!, [...shape]),
      ]),
    );
    const code = networkGraph(tf, kind, parameters, {
      vectors: tf.tensor2d(sequences.vectors, [sequences.events.length, dim + EVENT_INPUTS]),
      projected: tf.tensor2d(sequences.projected, [views, dim]),
      features: tf.tensor2d(sequences.features, [views, sequences.features.length / views]),
      offsets: sequences.offsets,
      gapDays: sequences.gapDays,
      laterDays: new Float32Array(views),
    });
    out.set(composeGraph(tf, code, supervised, fill).dataSync());
  });
  return out;
}

/** The rows of tokens in a table, each brought to length 1; shape [tokens.length, dim]. */
export function unitRows(table: Float32Array, tokens: Int32Array, dim: number): Float32Array {
  const out = new Float32Array(tokens.length * dim);
  const row = new Float64Array(dim);
  for (const [i, token] of tokens.entries()) {
    row.fill(0);
    addScaledSingle(row, 0, table, token * dim, dim, 1);
    const square = row.reduce((sum, x) => sum + x * x, 0);
    if (square > 0) scale(row, 0, dim, 1 / Math.sqrt(square));
    out.set(row, i * dim);
  }
  return out;
}
