import type { Scalar, Tensor, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import { assert } from "../../kernel/assert.ts";
import { SQUARE_EPSILON } from "./compose-embedding.ts";
import { NORM_EPSILON } from "./layers.ts";
import { type DeepKind, EVENTS_SEEN, SIZES } from "./network-shape.ts";
import { lastStates } from "./recurrence.ts";
import { dense, layerNorm, type Tensors } from "./tensor-ops.ts";

/** The arrays of a network as tensors, by name. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** Sequences of events, one behind the other, and what else is known of their users. */
export type GraphInputs = Readonly<{
  /** Token vectors and numbers of the events; shape [events, dim + EVENT_INPUTS]. */
  vectors: Tensor2D;
  /** Of a linear encoder; shape [sequences, dim]. */
  projected: Tensor2D;
  /** Standardised; shape [sequences, features]. */
  features: Tensor2D;
  /** Sequence s is the events [offsets[s], offsets[s + 1]). */
  offsets: Uint32Array;
  /** Days since the event before, 0 for a sequence's first; shape [events]. */
  gapDays: Float32Array;
  /** Days from the newest event to the moment that is asked about; shape [sequences]. */
  laterDays: Float32Array;
  /** What is hidden from training by chance: a factor for each number, of a shape; none when serving. */
  dropout?: (shape: readonly [number, number]) => Tensor2D;
}>;

/** The projection of each sequence with what the network adds; shape [sequences, dim]. */
export function networkGraph(
  tf: Tensors,
  kind: DeepKind,
  parameters: Parameters,
  inputs: GraphInputs,
): Tensor2D {
  switch (kind) {
    case "autoencoder":
      return autoencoder(tf, parameters, inputs);
    case "gru":
      return head(tf, parameters, recurrent(tf, parameters, inputs), inputs);
    case "transformer":
      return head(tf, parameters, attention(tf, parameters, inputs), inputs);
  }
}

/** As {@link import("./compose-embedding.ts").composeEmbedding}, row by row. */
export function composeGraph(tf: Tensors, projected: Tensor2D, supervised: number, fill: number): Tensor2D {
  const [rows, dim] = projected.shape;
  const signal = tf.slice(projected, [0, 0], [rows, supervised]);
  const norm = tf.sqrt(tf.add(tf.sum(tf.square(signal), 1, true), fill * fill));
  if (supervised === dim) return tf.div(signal, norm) as Tensor2D;
  const rest = tf.slice(projected, [0, supervised], [rows, dim - supervised]);
  const length = tf.sqrt(tf.add(tf.sum(tf.square(rest), 1, true), SQUARE_EPSILON));
  const filled = tf.mul(tf.div(rest, tf.mul(norm, length)), fill);
  return tf.concat([tf.div(signal, norm) as Tensor2D, filled as Tensor2D], 1);
}

/** How far features and projection are from what the code can restore of them: the mean squared error. */
export function restorationError(
  tf: Tensors,
  parameters: Parameters,
  code: Tensor2D,
  of: Readonly<{ features: Tensor2D; projected: Tensor2D }>,
): Scalar {
  const hidden = tf.relu(
    tf.add(dense(tf, code, weights(parameters, "decodeWeights")), array(parameters, "decodeBias")),
  );
  const restored = tf.add(
    dense(tf, hidden as Tensor2D, weights(parameters, "restoreWeights")),
    array(parameters, "restoreBias"),
  );
  const target = tf.concat([of.features, of.projected], 1);
  return tf.mean(tf.square(tf.sub(restored, target))) as Scalar;
}

function autoencoder(tf: Tensors, parameters: Parameters, inputs: GraphInputs): Tensor2D {
  const { features, projected, dropout } = inputs;
  const input = tf.concat([features, projected], 1);
  const shown = dropout === undefined ? input : (tf.mul(input, dropout(input.shape)) as Tensor2D);
  const hidden = tf.relu(
    tf.add(dense(tf, shown, weights(parameters, "codeWeights")), array(parameters, "codeBias")),
  );
  return tf.add(projected, dense(tf, hidden as Tensor2D, weights(parameters, "outWeights"))) as Tensor2D;
}

function recurrent(tf: Tensors, parameters: Parameters, inputs: GraphInputs): Tensor2D {
  const { vectors, offsets, gapDays, laterDays } = inputs;
  const affine = (x: Tensor2D, name: string): Tensor2D =>
    tf.add(dense(tf, x, weights(parameters, `${name}Weights`)), array(parameters, `${name}Bias`));
  const event = tf.relu(affine(vectors, "event"));
  const gate = tf.sigmoid(affine(event, "gate"));
  const candidate = affine(event, "state");
  const rates = tf.reshape(tf.exp(array(parameters, "decay")), [1, SIZES.recurrent]) as Tensor2D;
  const forgotten = (days: Float32Array): Tensor =>
    tf.exp(tf.neg(tf.mul(tf.tensor2d(days, [days.length, 1]), rates)));
  const keep = tf.mul(tf.sub(1, gate), forgotten(gapDays)) as Tensor2D;
  const states = lastStates(tf, keep, tf.mul(gate, candidate) as Tensor2D, offsets);
  return tf.mul(states, forgotten(laterDays)) as Tensor2D;
}

const HEAD = SIZES.width / SIZES.heads;
const HOURS = 24;
const MASKED = -1e9;

/** The newest events of each sequence, padded behind to the longest; the output of the last event of each. */
function attention(tf: Tensors, parameters: Parameters, inputs: GraphInputs): Tensor2D {
  const { vectors, offsets } = inputs;
  const { width, layers } = SIZES;
  const packed = packNewest(offsets, inputs.gapDays);
  const { sequences, length } = packed;
  const events = tf.add(
    dense(tf, vectors, weights(parameters, "eventWeights")),
    array(parameters, "eventBias"),
  ) as Tensor2D;
  let state = spread(tf, events, packed.places, sequences * length);
  for (let layer = 0; layer < layers; layer++) state = attend(tf, parameters, layer, state, packed);
  const last = tf.tensor2d(packed.isLast, [sequences * length, 1]);
  const output = tf.mul(layerNorm(tf, state, NORM_EPSILON), last);
  return tf.sum(tf.reshape(output, [sequences, length, width]) as Tensor3D, 1) as Tensor2D;
}

/** One layer, over states of shape [sequences x length, width]. */
function attend(
  tf: Tensors,
  parameters: Parameters,
  layer: number,
  state: Tensor2D,
  { sequences, length, ages, mask }: PackedSequences,
): Tensor2D {
  const { width, heads } = SIZES;
  const normal = layerNorm(tf, state, NORM_EPSILON) as Tensor2D;
  const split = (name: string): Tensor3D => {
    const projected = dense(tf, normal, weights(parameters, `${name}${layer}`));
    const parts = tf.transpose(tf.reshape(projected, [sequences, length, heads, HEAD]), [0, 2, 1, 3]);
    return tf.reshape(parts, [sequences * heads, length, HEAD]) as Tensor3D;
  };
  const fades = tf.reshape(tf.exp(array(parameters, `age${layer}`)), [1, heads, 1, 1]);
  const faded = tf.mul(tf.tensor4d(ages, [sequences, 1, length, length]), fades);
  const scores = tf.div(
    batchProduct(tf, split("query"), tf.transpose(split("key"), [0, 2, 1])),
    Math.sqrt(HEAD),
  );
  const scored = tf.sub(tf.reshape(scores, [sequences, heads, length, length]), faded);
  const allowed = tf.add(scored, tf.tensor4d(mask, [1, 1, length, length]));
  const shares = tf.reshape(tf.softmax(allowed), [sequences * heads, length, length]) as Tensor3D;
  const read = tf.reshape(batchProduct(tf, shares, split("value")), [sequences, heads, length, HEAD]);
  const joined = tf.reshape(tf.transpose(read, [0, 2, 1, 3]), [sequences * length, width]) as Tensor2D;
  const mixed = tf.add(state, dense(tf, joined, weights(parameters, `mixed${layer}`))) as Tensor2D;
  const wide = tf.add(
    dense(tf, layerNorm(tf, mixed, NORM_EPSILON) as Tensor2D, weights(parameters, `wide${layer}`)),
    array(parameters, `wideBias${layer}`),
  );
  return tf.add(
    mixed,
    dense(tf, tf.relu(wide) as Tensor2D, weights(parameters, `narrow${layer}`)),
  ) as Tensor2D;
}

function batchProduct(tf: Tensors, a: Tensor3D, b: Tensor): Tensor3D {
  return tf.matMul(a, b as Tensor3D);
}

type PackedSequences = Readonly<{
  sequences: number;
  length: number;
  /** Of each event among the padded ones, -1 for one that is too old to matter; shape [events]. */
  places: Int32Array;
  /** 1 at each sequence's newest event; shape [sequences x length]. */
  isLast: Float32Array;
  /** log1p of the hours from key to query; shape [sequences, length, length]. */
  ages: Float32Array;
  /** 0 where a query may look, else very low; shape [length, length]. */
  mask: Float32Array;
}>;

function packNewest(offsets: Uint32Array, gapDays: Float32Array): PackedSequences {
  const sequences = offsets.length - 1;
  let length = 1;
  for (let s = 0; s < sequences; s++)
    length = Math.max(length, Math.min(EVENTS_SEEN, offsets[s + 1]! - offsets[s]!));
  const places = new Int32Array(gapDays.length).fill(-1);
  const isLast = new Float32Array(sequences * length);
  const ages = new Float32Array(sequences * length * length);
  const hours = new Float64Array(length);
  for (let s = 0; s < sequences; s++) {
    const end = offsets[s + 1]!;
    const from = Math.max(offsets[s]!, end - EVENTS_SEEN);
    for (let e = from; e < end; e++) {
      const query = e - from;
      places[e] = s * length + query;
      hours[query] = (query === 0 ? 0 : hours[query - 1]!) + gapDays[e]! * HOURS;
      for (let key = 0; key < query; key++) {
        ages[(s * length + query) * length + key] = Math.log1p(hours[query]! - hours[key]!);
      }
    }
    if (end > from) isLast[s * length + end - from - 1] = 1;
  }
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) {
      if (key > query || key <= query - SIZES.window) mask[query * length + key] = MASKED;
    }
  }
  return { sequences, length, places, isLast, ages, mask };
}

/** Moves rows to their places among zero rows; the gradient moves them back. */
function spread(tf: Tensors, rows: Tensor2D, places: Int32Array, count: number): Tensor2D {
  const width = rows.shape[1];
  const move = tf.customGrad((...given) => {
    const [from] = given as unknown as [Tensor2D];
    const gradFunc = (dy: Tensor) =>
      tf.tensor2d(moveRows(dy.dataSync() as Float32Array, places, width, places.length, true), [
        places.length,
        width,
      ]) as Tensor;
    const moved = moveRows(from.dataSync() as Float32Array, places, width, count, false);
    return { value: tf.tensor2d(moved, [count, width]) as Tensor, gradFunc };
  });
  return move(rows) as Tensor2D;
}

function moveRows(
  rows: Float32Array,
  places: Int32Array,
  width: number,
  count: number,
  back: boolean,
): Float32Array {
  const out = new Float32Array(count * width);
  for (const [row, place] of places.entries()) {
    if (place < 0) continue;
    const [from, to] = back ? [place, row] : [row, place];
    for (let i = 0; i < width; i++) out[to * width + i] = rows[from * width + i]!;
  }
  return out;
}

function head(tf: Tensors, parameters: Parameters, context: Tensor2D, inputs: GraphInputs): Tensor2D {
  const { projected, dropout } = inputs;
  const both = tf.concat([context, projected], 1);
  const shown = dropout === undefined ? both : (tf.mul(both, dropout(both.shape)) as Tensor2D);
  const hidden = tf.relu(
    tf.add(dense(tf, shown, weights(parameters, "headWeights")), array(parameters, "headBias")),
  );
  return tf.add(projected, dense(tf, hidden as Tensor2D, weights(parameters, "outWeights"))) as Tensor2D;
}

function array(parameters: Parameters, name: string): Tensor {
  const found = parameters[name];
  assert(found !== undefined, `the network has no array ${name}`);
  return found;
}

function weights(parameters: Parameters, name: string): Tensor2D {
  return array(parameters, name) as Tensor2D;
}
