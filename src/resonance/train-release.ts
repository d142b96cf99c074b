import type { History } from "../embedding/encoder.ts";
import type { EncoderKind } from "../embedding/encoder-training.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { fitRelease, type Release } from "./fit-release.ts";
import type { ReleaseTraining } from "./release-training.ts";
import type { SegmentMap } from "./segment-map.ts";
import { trainNetworkRelease } from "./train-network-release.ts";

/**
 * Trains an encoder of a kind and calibrates it on members who were held out.
 *
 * @param maps - What is to be told apart; users without a segment of a map are its background.
 * @throws EngineError `TOO_FEW_MEMBERS` (not retryable) if no map has two segments with members.
 * @throws EngineError `ENCODER_NOT_TRAINABLE` if a network is asked for without `tensors`.
 */
export async function trainRelease(
  kind: EncoderKind,
  histories: readonly History[],
  maps: readonly SegmentMap[],
  schema: FeatureSchema,
  options: ReleaseTraining,
): Promise<Release> {
  const { seed, dimMax, onProgress, tensors } = options;
  if (kind !== "linear") {
    if (tensors !== undefined) {
      return await trainNetworkRelease(kind, histories, maps, schema, { ...options, tensors });
    }
    const message = `an encoder of kind ${kind} is trained with TensorFlow.js, which was not given`;
    throw new EngineError({ code: "ENCODER_NOT_TRAINABLE", message, retryable: false, detail: { kind } });
  }
  onProgress?.({ stage: "fit", step: 0, steps: 1 });
  const release = fitRelease(histories, maps, schema, { seed, dimMax });
  onProgress?.({ stage: "fit", step: 1, steps: 1 });
  return release;
}
