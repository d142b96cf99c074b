import type { TrainingLimits } from "../embedding/deep/network-run.ts";
import type { Tensors } from "../embedding/deep/tensor-ops.ts";
import type { TrainingCheckpoints, TrainingProgress } from "../embedding/encoder-training.ts";

/** What a training is started with. */
export type ReleaseTraining = Readonly<{
  seed: number;
  /** Dimensions of the encoder at most. */
  dimMax: number;
  onProgress?: (progress: TrainingProgress) => void;
  checkpoints?: TrainingCheckpoints;
  /** TensorFlow.js with its backend chosen; not needed for `linear`. */
  tensors?: Tensors;
  /** What ends the training of a network, beside members held out who gain no more. */
  limits?: TrainingLimits;
}>;
