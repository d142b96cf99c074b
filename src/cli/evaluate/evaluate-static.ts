import { systemClock } from "../../adapters/system-clock.ts";
import { tensorBackend } from "../../adapters/tensor-backend.ts";
import type { History } from "../../embedding/encoder.ts";
import type { EncoderKind, TrainingProgress } from "../../embedding/encoder-training.ts";
import { FEATURES } from "../../features/all-families.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import {
  evaluateSplit,
  type MethodResult,
  type SplitResult,
} from "../../resonance/evaluation/evaluate-split.ts";
import { type Leaderboard, leaderboardOf } from "../../resonance/evaluation/leaderboard.ts";
import type { Recording } from "../recording/read-recording.ts";
import { type SplitRule, splitUsers } from "./split.ts";

/** What is compared on a recording, and how. */
export type StaticOptions = Readonly<{
  encoders: readonly EncoderKind[];
  split: Readonly<{ kind: "hash" }> | Readonly<{ kind: "block"; size: number }>;
  /** The first; each seed is another split, and another seed of every fit. */
  seed: number;
  seeds: number;
  /** One release for all maps instead of one for each. */
  together: boolean;
  /** What thresholds are chosen for. */
  precision: number;
}>;

/** How far an evaluation is, for people. */
export type StaticProgress = Readonly<{
  training(seed: number, method: string, progress: TrainingProgress): void;
  done(seed: number, map: string, result: MethodResult): void;
}>;

/** The result; what `resonance evaluate --json` prints. */
export type StaticEvaluation = Readonly<{
  protocol: "static";
  events: number;
  users: number;
  split: string;
  seeds: readonly number[];
  refused: Recording["refused"];
  leaderboards: readonly Leaderboard[];
  seconds: number;
}>;

/**
 * The static protocol: users are split 80/20 into members and masked; everything is fitted on all members' whole
 * histories; each masked user is scored after their first events. Repeated with other splits.
 *
 * @throws EngineError `TOO_FEW_MEMBERS` if a split leaves nobody to learn from or to ask about.
 */
export async function evaluateStatic(
  recording: Recording,
  options: StaticOptions,
  progress: StaticProgress,
): Promise<StaticEvaluation> {
  const beganMs = systemClock.monotonicMs();
  const seeds = Array.from({ length: options.seeds }, (_, i) => options.seed + i);
  const byMap = new Map<string, SplitResult[]>(recording.maps.map(({ name }) => [name, []]));
  const needsTensors = options.encoders.some((kind) => kind !== "linear");
  const backend = needsTensors ? await tensorBackend() : undefined;
  for (const seed of seeds) {
    const { members, masked } = splitHistories(recording, { ...options.split, seed });
    const results = await evaluateSplit({ members, masked }, recording.maps, {
      encoders: options.encoders,
      schema: FEATURES,
      seed,
      dimMax: DEFAULT_NODE_OPTIONS.dimMax,
      together: options.together,
      precision: options.precision,
      clock: systemClock,
      ...(backend === undefined ? {} : { tensors: backend.tensors }),
      onProgress: (method, of) => progress.training(seed, method, of),
      onResult: (map, result) => progress.done(seed, map, result),
    });
    for (const result of results) byMap.get(result.map)?.push(result);
  }
  return {
    protocol: "static",
    events: recording.events,
    users: recording.histories.length,
    split: options.split.kind === "hash" ? "hash" : `block:${options.split.size}`,
    seeds,
    refused: recording.refused,
    leaderboards: [...byMap.values()].map(leaderboardOf),
    seconds: (systemClock.monotonicMs() - beganMs) / 1_000,
  };
}

/** Users without any label are nobody's question: they stay with the members, as background. */
export function splitHistories(
  { histories, fileOrder }: Pick<Recording, "histories" | "fileOrder">,
  rule: SplitRule,
): { members: History[]; masked: History[] } {
  const { masked } = splitUsers(fileOrder, rule);
  const isMasked = ({ user }: History) => masked.has(user);
  return { members: histories.filter((history) => !isMasked(history)), masked: histories.filter(isMasked) };
}
