import { deepArtefact, encodeDeepArtefact } from "../embedding/deep/deep-artefact.ts";
import { DeepCore } from "../embedding/deep/deep-core.ts";
import type { DeepKind } from "../embedding/deep/network-shape.ts";
import type { Tensors } from "../embedding/deep/tensor-ops.ts";
import { trainNetwork } from "../embedding/deep/train-network.ts";
import type { History } from "../embedding/encoder.ts";
import { EVENT_NUMBERS } from "../embedding/event-inputs.ts";
import { type FitMaterial, prepareFit } from "../embedding/fit-material.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { HeldOutCollector, type Release, releaseOf, scoreSamples } from "./fit-release.ts";
import type { ReleaseTraining } from "./release-training.ts";
import type { SegmentMap } from "./segment-map.ts";

/** Members that a network is trained on at most: it is trained in passes, not on a matrix of all. */
const USERS_MAX = 150_000;

/**
 * Trains a network beside a linear encoder and calibrates it on members whom neither has seen.
 *
 * @throws EngineError `TOO_FEW_MEMBERS` (not retryable) if no map has two segments with members.
 */
export async function trainNetworkRelease(
  kind: DeepKind,
  histories: readonly History[],
  maps: readonly SegmentMap[],
  schema: FeatureSchema,
  options: ReleaseTraining & Readonly<{ tensors: Tensors }>,
): Promise<Release> {
  const { seed, dimMax, tensors, onProgress, checkpoints, limits } = options;
  const labelled = maps.map(({ name, segments }) => ({
    name,
    segments: segments.map((segment) => segment.name),
  }));
  onProgress?.({ stage: "read", step: 0, steps: 1 });
  const fit = prepareFit(histories, labelled, schema, { seed, dimMax, usersMax: USERS_MAX });
  if (!maps.some((_, m) => new Set(fit.corpus.labels[m]?.filter((label) => label >= 0)).size > 1)) {
    const message = "no map has members in two segments, so there is nothing to tell apart";
    throw new EngineError({ code: "TOO_FEW_MEMBERS", message, retryable: false });
  }
  onProgress?.({ stage: "read", step: 1, steps: 1 });
  const {
    served,
    heldOut: scorers,
    chosen,
  } = await trainNetwork({
    kind,
    fit,
    maps: labelled,
    seed,
    tensors,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(limits === undefined ? {} : { limits }),
    ...(checkpoints === undefined ? {} : { checkpoints }),
  });
  const artefact = deepArtefact(served);
  const heldOut = maps.map((map) => new HeldOutCollector(map));
  for (const [step, { fold, weights }] of scorers.entries()) {
    onProgress?.({ stage: "calibrate", step, steps: scorers.length });
    scoreSamples(fit, maps, fold, embedSamples(fit, new DeepCore(weights)), heldOut);
  }
  const given = {
    version: artefact.version,
    artefact: encodeDeepArtefact(artefact),
    members: fit.corpus.users,
  };
  const release = releaseOf(given, maps, heldOut, histories);
  onProgress?.({ stage: "calibrate", step: scorers.length, steps: scorers.length });
  const network = { steps: chosen.step, gain: chosen.gain, error: chosen.error };
  return { ...release, report: { ...release.report, network } };
}

/** Embeds every sample of the corpus event by event, as it is served. */
function embedSamples(
  { corpus, featureWidth }: FitMaterial,
  core: DeepCore,
): { embeddings: Float32Array; dim: number } {
  const { eventsAt, tokensAt, tokenIds, eventMs, eventNumbers, isEvidence, samplesAt, sampleEnd } = corpus;
  const { dim } = core;
  const embeddings = new Float32Array(sampleEnd.length * dim);
  const slab = new Float64Array(core.slots);
  const event = { rows: tokenIds, from: 0, to: 0, tsMs: 0, numbers: eventNumbers, numbersAt: 0 };
  for (let u = 0; u < corpus.users; u++) {
    slab.fill(0);
    let sample = samplesAt[u]!;
    for (let e = eventsAt[u]!; e < eventsAt[u + 1]!; e++) {
      event.from = tokensAt[e]!;
      event.to = tokensAt[e + 1]!;
      event.tsMs = eventMs[e]!;
      event.numbersAt = e * EVENT_NUMBERS;
      if (isEvidence[e] === 1) core.fold(slab, 0, event);
      if (sample === samplesAt[u + 1] || sampleEnd[sample] !== e + 1) continue;
      const features = corpus.features.subarray(sample * featureWidth, (sample + 1) * featureWidth);
      core.embed(slab, 0, features, eventMs[e]!, embeddings.subarray(sample * dim, (sample + 1) * dim));
      sample++;
    }
  }
  return { embeddings, dim };
}
