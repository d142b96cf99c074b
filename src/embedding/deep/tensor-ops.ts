import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";

/** TensorFlow.js with its backend chosen: handed in, so that nothing here loads or starts anything. */
export type Tensors = typeof import("@tensorflow/tfjs-core");

/**
 * The matrix product of `x`, shape [rows, inputs], and `weights`, shape [inputs, outputs].
 *
 * Its gradients transpose first: the WASM backend's product with a transposing flag takes seven times as long.
 */
export function dense(tf: Tensors, x: Tensor2D, weights: Tensor2D): Tensor2D {
  const product = tf.customGrad((...given) => {
    const [a, w, save] = given as unknown as [Tensor2D, Tensor2D, (tensors: Tensor[]) => void];
    save([a, w]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [left, right] = saved as [Tensor2D, Tensor2D];
      return [
        tf.matMul(dy as Tensor2D, tf.transpose(right)),
        tf.matMul(tf.transpose(left), dy as Tensor2D),
      ] as Tensor[];
    };
    return { value: tf.matMul(a, w), gradFunc };
  });
  return product(x, weights) as Tensor2D;
}

/** Each row shifted and scaled to mean 0 and variance 1. */
export function layerNorm(tf: Tensors, x: Tensor, epsilon: number): Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.div(centred, tf.sqrt(tf.add(variance, epsilon)));
}
