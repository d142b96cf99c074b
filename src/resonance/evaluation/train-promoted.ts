import type { History } from "../../embedding/encoder.ts";
import type { EncoderKind, TrainingCheckpoints, TrainingProgress } from "../../embedding/encoder-training.ts";
import type { FeatureSchema } from "../../features/feature-schema.ts";
import type { Clock } from "../../kernel/clock.ts";
import { hash32, rehash32 } from "../../kernel/hash.ts";
import type { Release } from "../fit-release.ts";
import type { ReleaseTraining } from "../release-training.ts";
import type { SegmentMap } from "../segment-map.ts";
import { trainRelease } from "../train-release.ts";
import { evaluateSplit } from "./evaluate-split.ts";
import { type Leaderboard, leaderboardOf } from "./leaderboard.ts";

/** An encoder trained on all members, and what it and its rivals did on held-out ones. */
export type PromotedTraining = Readonly<{
  kind: EncoderKind;
  release: Release;
  /** One for each map with members; empty if nothing was compared. */
  leaderboards: readonly Leaderboard[];
}>;

/** What is trained, and how. */
export type TrainPromotedOptions = Readonly<{
  /** At least one; of several the best is promoted. */
  encoders: readonly EncoderKind[];
  /** Compares with the baselines on held-out members first, though there may be one encoder only. */
  leaderboard: boolean;
  schema: FeatureSchema;
  seed: number;
  dimMax: number;
  clock: Pick<Clock, "monotonicMs">;
  tensors?: ReleaseTraining["tensors"];
  /** Where the named training keeps its state, if anywhere. */
  checkpoints?: (training: string) => TrainingCheckpoints;
  onProgress?: (label: string, progress: TrainingProgress) => void;
}>;

/** One member in five is held out. */
const PARTS = 5;

/**
 * Trains the best of some encoders on all members. Which one that is, members who were held out tell, at every
 * depth of their histories: encoders and baselines are fitted on the other four fifths, as a deployment would have
 * them (one encoder for all maps), and the lowest log-loss wins.
 *
 * @throws EngineError `TOO_FEW_MEMBERS` if no map has two segments with members.
 * @throws EngineError `ENCODER_NOT_TRAINABLE` if a network is asked for without `tensors`.
 */
export async function trainPromoted(
  histories: readonly History[],
  maps: readonly SegmentMap[],
  options: TrainPromotedOptions,
): Promise<PromotedTraining> {
  const { encoders, seed, checkpoints, onProgress, tensors, schema, dimMax } = options;
  const [first] = encoders as [EncoderKind, ...EncoderKind[]];
  const compared = encoders.length > 1 || options.leaderboard;
  const leaderboards = compared ? await compare(histories, maps, options) : [];
  const kind = encoders.length > 1 ? bestOf(encoders, leaderboards) : first;
  const release = await trainRelease(kind, histories, maps, schema, {
    seed,
    dimMax,
    ...(tensors === undefined ? {} : { tensors }),
    ...(checkpoints === undefined ? {} : { checkpoints: checkpoints(`promoted-${kind}`) }),
    ...(onProgress === undefined ? {} : { onProgress: (progress) => onProgress(`${kind} on all`, progress) }),
  });
  return { kind, release, leaderboards };
}

async function compare(
  histories: readonly History[],
  maps: readonly SegmentMap[],
  options: TrainPromotedOptions,
): Promise<Leaderboard[]> {
  const { seed, checkpoints } = options;
  const isHeldOut = ({ user }: History) => rehash32(hash32(user), seed) < 2 ** 32 / PARTS;
  const split = {
    members: histories.filter((history) => !isHeldOut(history)),
    masked: histories.filter((history) => isHeldOut(history) && history.events.length > 0),
  };
  const told = maps.filter(({ name, segments }) => {
    const names = new Set(segments.map((segment) => segment.name));
    const labels = (of: readonly History[]) =>
      new Set(of.map(({ labels }) => labels[name] ?? "").filter((label) => names.has(label))).size;
    return labels(split.members) > 1 && labels(split.masked) > 0;
  });
  // Nothing to compare, as with a handful of members: the fit itself tells whether it can learn anything.
  if (told.length === 0) return [];
  const results = await evaluateSplit(split, told, {
    ...options,
    together: true,
    ...(checkpoints === undefined ? {} : { checkpoints: (kind) => checkpoints(`compared-${kind}`) }),
  });
  return results.map((result) => leaderboardOf([result]));
}

/**
 * The encoder with the lowest log-loss relative to the prior's, averaged over depths and maps; the first of `encoders`
 * wins a tie, and is taken where there is nothing to compare.
 */
export function bestOf(encoders: readonly EncoderKind[], leaderboards: readonly Leaderboard[]): EncoderKind {
  const lossOf = (kind: EncoderKind): number => {
    const shares = leaderboards.flatMap(({ rows }) => {
      const prior = rows.find(({ method }) => method === "prior");
      const own = rows.find(({ method }) => method === kind);
      return (own?.cells ?? []).map(({ logLoss }, d) => logLoss / (prior?.cells[d]?.logLoss ?? 1));
    });
    return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
  };
  const losses = encoders.map(lossOf);
  return encoders[losses.indexOf(Math.min(...losses))] ?? "linear";
}
