import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Tensors } from "./tensor-ops.ts";

/**
 * Runs `h <- keep h + added` along sequences that lie one behind the other, from h = 0, and gives the last h of each.
 *
 * Steps in typed arrays, with their own gradient: as tensor operations each step would be a call for a few hundred
 * numbers, and sequences of different lengths would have to be padded.
 *
 * @param keep - Shape [events, units].
 * @param added - Shape [events, units].
 * @param offsets - Sequence s is the events [offsets[s], offsets[s + 1]); shape [sequences + 1].
 * @returns Shape [sequences, units].
 */
export function lastStates(tf: Tensors, keep: Tensor2D, added: Tensor2D, offsets: Uint32Array): Tensor2D {
  const [events, units] = keep.shape;
  const sequences = offsets.length - 1;
  const run = tf.customGrad((...given) => {
    const [k, a] = given as unknown as [Tensor2D, Tensor2D];
    const keeps = k.dataSync() as Float32Array;
    const adds = a.dataSync() as Float32Array;
    const states = new Float32Array(events * units);
    const ends = new Float32Array(sequences * units);
    for (let s = 0; s < sequences; s++) {
      const [from, to] = [offsets[s]!, offsets[s + 1]!];
      for (let e = from; e < to; e++) stepForward(states, keeps, adds, e * units, units, e === from);
      if (to > from) ends.set(states.subarray((to - 1) * units, to * units), s * units);
    }
    const gradFunc = (dy: Tensor) => {
      const slopes = dy.dataSync() as Float32Array;
      const ofKeep = new Float32Array(events * units);
      const ofAdded = new Float32Array(events * units);
      for (let s = 0; s < sequences; s++) {
        const [from, to] = [offsets[s]!, offsets[s + 1]!];
        if (to === from) continue;
        ofAdded.set(slopes.subarray(s * units, (s + 1) * units), (to - 1) * units);
        for (let e = to - 1; e > from; e--) stepBack(ofKeep, ofAdded, states, keeps, e * units, units);
      }
      return [tf.tensor2d(ofKeep, [events, units]), tf.tensor2d(ofAdded, [events, units])] as Tensor[];
    };
    return { value: tf.tensor2d(ends, [sequences, units]) as Tensor, gradFunc };
  });
  return run(keep, added) as Tensor2D;
}

function stepForward(
  states: Float32Array,
  keeps: Float32Array,
  adds: Float32Array,
  at: number,
  units: number,
  isFirst: boolean,
): void {
  for (let i = at; i < at + units; i++) {
    states[i] = adds[i]! + (isFirst ? 0 : keeps[i]! * states[i - units]!);
  }
}

/** From the slope of a state (in `ofAdded[at ..]`) to that of the state before and of what was kept of it. */
function stepBack(
  ofKeep: Float32Array,
  ofAdded: Float32Array,
  states: Float32Array,
  keeps: Float32Array,
  at: number,
  units: number,
): void {
  for (let i = at; i < at + units; i++) {
    ofKeep[i] = ofAdded[i]! * states[i - units]!;
    ofAdded[i - units] = ofAdded[i]! * keeps[i]!;
  }
}
