import { BaselineScorer } from "../../embedding/baselines/baseline-scorer.ts";
import { BASELINE_NAMES, type Baseline, fitBaseline } from "../../embedding/baselines/fit-baseline.ts";
import { indicatorsOf, vocabularyOf } from "../../embedding/baselines/token-indicators.ts";
import { decodeEncoder } from "../../embedding/decode-encoder.ts";
import type { History } from "../../embedding/encoder.ts";
import type { EncoderKind, TrainingCheckpoints, TrainingProgress } from "../../embedding/encoder-training.ts";
import type { Arrival } from "../../features/arrival.ts";
import type { FeatureEvent } from "../../features/feature-event.ts";
import type { FeatureSchema } from "../../features/feature-schema.ts";
import type { Clock } from "../../kernel/clock.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { BackOffLevel, ContextPrior } from "../cold-start/context-prior.ts";
import type { ReleaseTraining } from "../release-training.ts";
import type { SegmentMap } from "../segment-map.ts";
import { segmentThresholds } from "../segment-thresholds.ts";
import { type ThresholdCounts, ThresholdTally } from "../threshold-tally.ts";
import { readyThresholds, type Thresholds } from "../thresholds.ts";
import { trainRelease } from "../train-release.ts";
import { type Cell, cellOf } from "./cell.ts";
import { COMPARED_DEPTHS, CONTEXT_DEPTHS, DepthScores } from "./depth-scores.ts";
import { EngineScorer } from "./engine-scorer.ts";

/** Members to learn from and users to be told, whose labels nobody is shown. */
export type Split = Readonly<{ members: readonly History[]; masked: readonly History[] }>;

/** What one method did on one split of one map. */
export type MethodResult = Readonly<{
  name: string;
  kind: "baseline" | "encoder";
  /** L2 strength or smoothing that was chosen; null where nothing was. */
  strength: number | null;
  /** Dimensions of an encoder; null for a baseline. */
  dim: number | null;
  fitSeconds: number;
  /** Processor time to take in one event and to score its user. */
  eventMicros: number;
  /** One for each of {@link COMPARED_DEPTHS}. */
  cells: readonly Cell[];
  /** Who passes the thresholds, for each of {@link COMPARED_DEPTHS}; null for a baseline, which has none. */
  thresholds: readonly ThresholdCounts[] | null;
  /** Of an encoder whose calibration has learnt what contexts tell. */
  context?: ContextResult;
}>;

/** What the contexts of first visits add. */
export type ContextResult = Readonly<{
  levels: readonly BackOffLevel[];
  weights: readonly number[];
  /** One for each of {@link CONTEXT_DEPTHS}, with the context and without. */
  cells: readonly Readonly<{ told: Cell; without: Cell }>[];
}>;

/** All methods on one split of one map, on the same masked users. */
export type SplitResult = Readonly<{
  map: string;
  segments: number;
  members: number;
  /** Masked users with a segment of this map. */
  users: readonly string[];
  /** What thresholds were chosen for. */
  precision: number;
  methods: readonly MethodResult[];
}>;

/** How an evaluation is done. */
export type EvaluateSplitOptions = Readonly<{
  encoders: readonly EncoderKind[];
  schema: FeatureSchema;
  seed: number;
  dimMax: number;
  /** One release for all maps, as a deployment has; else one for each map. */
  together: boolean;
  /** Share of those who pass a threshold that should belong, in (0, 1); {@link PRECISION} if left out. */
  precision?: number;
  clock: Pick<Clock, "monotonicMs">;
  /** TensorFlow.js with its backend chosen; not needed for `linear` alone. */
  tensors?: ReleaseTraining["tensors"];
  /** Where the training of a kind keeps its state, if anywhere; only with `together`. */
  checkpoints?: (kind: EncoderKind) => TrainingCheckpoints;
  onProgress?: (method: string, progress: TrainingProgress) => void;
  /** Is told when a method is done. */
  onResult?: (map: string, result: MethodResult) => void;
}>;

/**
 * Fits the four baselines and the encoders asked for on the same members' whole histories, and scores the same
 * masked users after their first events. A user with fewer events than a depth is scored at the end of what there is.
 * Every masked user has a segment, so "none" is taken out of all answers.
 *
 * @throws EngineError `TOO_FEW_MEMBERS` if no masked user, or fewer than two segments of the members, are there.
 */
export async function evaluateSplit(
  { members, masked }: Split,
  maps: readonly SegmentMap[],
  options: EvaluateSplitOptions,
): Promise<SplitResult[]> {
  const bench = new Bench(options);
  const results: SplitResult[] = [];
  const together = options.together ? await bench.releases(members, maps) : undefined;
  for (const map of maps) {
    const indexOf = new Map(map.segments.map(({ name }, k) => [name, k]));
    const labelOf = ({ labels }: History) => indexOf.get(labels[map.name] ?? "") ?? -1;
    const visitors = masked.filter((history) => labelOf(history) >= 0);
    const labels = Int16Array.from(visitors, labelOf);
    const known = members.filter((history) => labelOf(history) >= 0);
    if (visitors.length === 0 || new Set(known.map(labelOf)).size < 2) {
      const message = `map ${map.name}: ${known.length} members and ${visitors.length} masked users are too few to compare`;
      throw new EngineError({ code: "TOO_FEW_MEMBERS", message, retryable: false });
    }
    const asked = { map, visitors, labels };
    const methods = [
      ...bench.baselines(known, Int16Array.from(known, labelOf), asked),
      ...bench.engines(together ?? (await bench.releases(members, [map])), members, asked),
    ];
    const users = visitors.map(({ user }) => user);
    results.push({
      map: map.name,
      segments: map.segments.length,
      members: known.length,
      users,
      precision: options.precision ?? PRECISION,
      methods,
    });
  }
  return results;
}

/** The target of the thresholds that are tried on the masked users, and how surely held-out members must prove it. */
export const PRECISION = 0.9;
const CONFIDENCE = 0.95;

type FittedRelease = Readonly<{
  kind: EncoderKind;
  release: Awaited<ReturnType<typeof trainRelease>>;
  seconds: number;
}>;

type Asked = Readonly<{ map: SegmentMap; visitors: readonly History[]; labels: Int16Array }>;

/** What answers for a visitor's first events. */
type VisitorScorer = Readonly<{
  score(
    events: readonly FeatureEvent[],
    depths: readonly number[],
    write: (depth: number, probabilities: Float64Array, evidence?: number) => void,
    arrival?: Arrival,
  ): void;
}>;

class Bench {
  readonly #options: EvaluateSplitOptions;

  constructor(options: EvaluateSplitOptions) {
    this.#options = options;
  }

  baselines(known: readonly History[], labels: Int16Array, asked: Asked): MethodResult[] {
    const { seed } = this.#options;
    const vocabulary = vocabularyOf(known);
    const indicators = indicatorsOf(known, vocabulary);
    const users = {
      indicators,
      segments: asked.map.segments.length,
      labels,
      members: known.flatMap((_, u) => (indicators.lengths[u] === 0 ? [] : [u])),
    };
    return BASELINE_NAMES.map((name) => {
      this.#options.onProgress?.(name, { stage: "fit", step: 0, steps: 1 });
      const [baseline, fitSeconds] = this.#timed((): Baseline => fitBaseline(name, users, seed));
      const { strength } = baseline;
      const about = { name, kind: "baseline", strength, dim: null, fitSeconds } as const;
      return this.#measured(about, new BaselineScorer(baseline, vocabulary), asked);
    });
  }

  async releases(members: readonly History[], maps: readonly SegmentMap[]): Promise<FittedRelease[]> {
    const { encoders, schema, seed, dimMax, tensors, checkpoints, onProgress, clock, together } =
      this.#options;
    const releases: FittedRelease[] = [];
    for (const kind of encoders) {
      const beganMs = clock.monotonicMs();
      const release = await trainRelease(kind, members, maps, schema, {
        seed,
        dimMax,
        ...(tensors === undefined ? {} : { tensors }),
        ...(checkpoints === undefined || !together ? {} : { checkpoints: checkpoints(kind) }),
        ...(onProgress === undefined ? {} : { onProgress: (progress) => onProgress(kind, progress) }),
      });
      releases.push({ kind, release, seconds: (clock.monotonicMs() - beganMs) / 1_000 });
    }
    return releases;
  }

  engines(releases: readonly FittedRelease[], members: readonly History[], asked: Asked): MethodResult[] {
    const { schema } = this.#options;
    return releases.map(({ kind, release, seconds }) => {
      const encoder = decodeEncoder(release.artefact, schema);
      const calibration = release.calibrations.find(({ map }) => map === asked.map.name)!;
      const scorer = new EngineScorer({ encoder, calibration, map: asked.map, members, schema });
      const minEvidence = 1;
      const precision = this.#options.precision ?? PRECISION;
      const threshold = { precision, confidence: CONFIDENCE, minEvidence };
      const segments = asked.map.segments.map(({ name }) => ({ name }));
      const own = segmentThresholds({ ...asked.map, segments, threshold }, calibration);
      const thresholds = readyThresholds(segments.length, threshold, own);
      const about = {
        name: kind,
        kind: "encoder",
        strength: null,
        dim: encoder.dim,
        fitSeconds: seconds,
      } as const;
      const context = contextResult(calibration.contextPrior, scorer, asked);
      const told = context === undefined ? about : { ...about, context };
      return this.#measured(told, scorer, asked, thresholds);
    });
  }

  #measured(
    about: Omit<MethodResult, "cells" | "eventMicros" | "thresholds">,
    scorer: VisitorScorer,
    { map, visitors, labels }: Asked,
    thresholds?: Thresholds,
  ): MethodResult {
    const segments = map.segments.length;
    const scores = new DepthScores(visitors.length, segments);
    const tallies = COMPARED_DEPTHS.map(() => thresholds && new ThresholdTally(thresholds));
    for (const [u, { events, arrival }] of visitors.entries()) {
      const put = (depth: number, told: Float64Array): void => scores.put(depth, u, told);
      scorer.score(events, COMPARED_DEPTHS, put);
      if (thresholds === undefined) continue;
      // Thresholds are proven with the contexts that members had.
      const tally = (depth: number, told: Float64Array, evidence = 0): void =>
        tallies[depth]?.add(told, evidence, labels[u]!);
      scorer.score(events, COMPARED_DEPTHS, tally, arrival);
    }
    const cells = scores.byDepth.map((byUser) => cellOf(byUser, labels, segments));
    const result = {
      ...about,
      eventMicros: this.#eventMicros(scorer, visitors),
      cells,
      thresholds: thresholds === undefined ? null : tallies.map((tally) => tally!.counts()),
    };
    this.#options.onResult?.(map.name, result);
    return result;
  }

  /** Scores after every event, as a site that asks all the time would. */
  #eventMicros(scorer: VisitorScorer, visitors: readonly History[]): number {
    const sample: (readonly FeatureEvent[])[] = [];
    let count = 0;
    for (const { events } of visitors) {
      if (count >= TIMED_EVENTS) break;
      sample.push(events);
      count += events.length;
    }
    const everyEvent = Array.from(
      { length: Math.max(1, ...sample.map(({ length }) => length)) },
      (_, i) => i + 1,
    );
    const [, seconds] = this.#timed(() => {
      for (const events of sample) scorer.score(events, everyEvent.slice(0, events.length), () => {});
    });
    return (seconds * 1e6) / Math.max(1, count);
  }

  #timed<Result>(work: () => Result): [Result, number] {
    const { clock } = this.#options;
    const beganMs = clock.monotonicMs();
    const result = work();
    return [result, (clock.monotonicMs() - beganMs) / 1_000];
  }
}

/** Enough that the compiler has settled, and quick. */
const TIMED_EVENTS = 20_000;

function contextResult(
  prior: ContextPrior | undefined,
  scorer: EngineScorer,
  { map, visitors, labels }: Asked,
): ContextResult | undefined {
  if (prior === undefined) return undefined;
  const segments = map.segments.length;
  const [told, without] = [true, false].map((isTold) => {
    const scores = new DepthScores(visitors.length, segments, CONTEXT_DEPTHS);
    for (const [u, { events, arrival }] of visitors.entries()) {
      const write = (depth: number, probabilities: Float64Array) => scores.put(depth, u, probabilities);
      scorer.score(events, CONTEXT_DEPTHS, write, isTold ? arrival : undefined);
    }
    return scores.byDepth.map((byUser) => cellOf(byUser, labels, segments));
  }) as [Cell[], Cell[]];
  return {
    levels: prior.levels,
    weights: prior.weights,
    cells: told.map((cell, d) => ({ told: cell, without: without[d]! })),
  };
}
