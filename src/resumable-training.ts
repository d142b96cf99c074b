import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileCheckpoints } from "./adapters/file-checkpoints.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { tensorBackend } from "./adapters/tensor-backend.ts";
import type { History } from "./embedding/encoder.ts";
import { FEATURES } from "./features/all-families.ts";
import {
  type PromotedTraining,
  type TrainPromotedOptions,
  trainPromoted,
} from "./resonance/evaluation/train-promoted.ts";
import type { SegmentMap } from "./resonance/segment-map.ts";

/**
 * Trains as {@link trainPromoted} does, with this machine's TensorFlow.js where a network is asked for. Networks keep
 * their state in files, so that a training that was broken off goes on where it was; once all is done they are removed.
 *
 * @param checkpoints - Folder of those files, and of nothing else.
 */
export async function trainResumably(
  histories: readonly History[],
  maps: readonly SegmentMap[],
  checkpoints: string,
  options: Pick<TrainPromotedOptions, "encoders" | "leaderboard" | "seed" | "dimMax" | "onProgress">,
): Promise<PromotedTraining> {
  const isDeep = options.encoders.some((kind) => kind !== "linear");
  const promoted = await trainPromoted(histories, maps, {
    ...options,
    schema: FEATURES,
    clock: systemClock,
    ...(isDeep ? { tensors: (await tensorBackend()).tensors } : {}),
    checkpoints: (training) => fileCheckpoints(join(checkpoints, `${training}.checkpoint`)),
  });
  await rm(checkpoints, { recursive: true, force: true });
  return promoted;
}
