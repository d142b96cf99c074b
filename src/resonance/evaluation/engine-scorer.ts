import type { Encoder, History } from "../../embedding/encoder.ts";
import type { Arrival } from "../../features/arrival.ts";
import type { FeatureEvent } from "../../features/feature-event.ts";
import type { FeatureSchema } from "../../features/feature-schema.ts";
import { addArrivalInto } from "../cold-start/add-arrival.ts";
import { ContextTable } from "../cold-start/context-table.ts";
import type { Calibration, Profile } from "../published-profiles.ts";
import { newScoreBuffer, prepareScorer, type ScoreBuffer, type Scorer, scoreInto } from "../scorer.ts";
import type { SegmentMap } from "../segment-map.ts";

/** Serves a release as a shard does: fold, embed, score; with profiles built from members' whole histories. */
export class EngineScorer {
  readonly #visitor: Visitor;
  readonly #scorer: Scorer;
  readonly #buffer: ScoreBuffer;
  readonly #offsets: Float64Array;

  /** @param members - Users of the profiles; those without a segment of the map are its background. */
  constructor(given: {
    readonly encoder: Encoder;
    readonly calibration: Calibration;
    readonly map: SegmentMap;
    readonly members: readonly History[];
    readonly schema: FeatureSchema;
  }) {
    const { encoder, calibration, map, members, schema } = given;
    this.#visitor = new Visitor(encoder, schema);
    this.#buffer = newScoreBuffer(map.segments.length);
    this.#offsets = new Float64Array(map.segments.length + 1);
    const { contextPrior } = calibration;
    this.#scorer = prepareScorer({
      map: map.name,
      mode: map.mode,
      version: 1,
      encoder: encoder.version,
      dim: encoder.dim,
      watermarkMs: 0,
      ...profilesOf(map, members, this.#visitor),
      calibration,
      threshold: map.threshold,
      ...(contextPrior === undefined
        ? {}
        : { contextTable: new ContextTable(contextPrior, map.mode, map.segments.length) }),
    });
  }

  /** As {@link import("../../embedding/baselines/baseline-scorer.ts").BaselineScorer.score}; "none" is last. `arrival`: how the visitor came. */
  score(
    events: readonly FeatureEvent[],
    depths: readonly number[],
    write: (depth: number, probabilities: Float64Array, evidence: number) => void,
    arrival?: Arrival,
  ): void {
    const visitor = this.#visitor;
    visitor.reset();
    let seen = 0;
    for (const [d, depth] of depths.entries()) {
      for (; seen < depth && seen < events.length; seen++) visitor.fold(events[seen]!);
      const evidence = visitor.embed();
      const offsets = this.#offsets.fill(0);
      const isShifted = addArrivalInto(this.#scorer, arrival, evidence, offsets);
      scoreInto(this.#scorer, visitor.embedding, evidence, this.#buffer, isShifted ? offsets : undefined);
      write(d, this.#buffer.probabilities, evidence);
    }
  }
}

/** One user at a time, as a context holds them: encoder state and features. */
class Visitor {
  readonly embedding: Float32Array;
  readonly #encoder: Encoder;
  readonly #schema: FeatureSchema;
  readonly #state: Float64Array;
  readonly #slab: Float64Array;
  readonly #features: Float32Array;
  #atMs = 0;

  constructor(encoder: Encoder, schema: FeatureSchema) {
    this.#encoder = encoder;
    this.#schema = schema;
    this.#state = new Float64Array(encoder.slots);
    this.#slab = new Float64Array(schema.slots);
    this.#features = new Float32Array(schema.width);
    this.embedding = new Float32Array(encoder.dim);
  }

  reset(): void {
    this.#state.fill(0);
    this.#slab.fill(0);
    this.#atMs = 0;
  }

  fold(event: FeatureEvent): void {
    this.#encoder.fold(this.#state, 0, event);
    this.#schema.fold(this.#slab, 0, event);
    this.#atMs = Math.max(this.#atMs, event.tsMs);
  }

  /** Writes the embedding as of the newest event. @returns The evidence behind it. */
  embed(): number {
    this.#schema.read(this.#slab, 0, this.#atMs, this.#features);
    this.#encoder.embed(this.#state, 0, this.#features, this.#atMs, this.embedding);
    return this.#encoder.evidence(this.#state, 0, this.#atMs);
  }
}

function profilesOf(
  map: SegmentMap,
  members: readonly History[],
  visitor: Visitor,
): { profiles: Profile[]; background: number } {
  const { length: dim } = visitor.embedding;
  const indexOf = new Map(map.segments.map(({ name }, k) => [name, k]));
  const sums = map.segments.map(() => new Float64Array(dim));
  const counts = map.segments.map(() => 0);
  let background = 0;
  for (const history of members) {
    const segment = indexOf.get(history.labels[map.name] ?? "");
    const { events } = history;
    if (events.length === 0) continue;
    if (segment === undefined) {
      background++;
      continue;
    }
    visitor.reset();
    for (const event of events) visitor.fold(event);
    visitor.embed();
    for (let i = 0; i < dim; i++) sums[segment]![i]! += visitor.embedding[i]!;
    counts[segment]!++;
  }
  const profiles = map.segments.map(({ name }, k): Profile => {
    const centroid = Float32Array.from(sums[k]!, (sum) => sum / Math.max(1, counts[k]!));
    return { segment: name, members: counts[k]!, centroid };
  });
  return { profiles, background };
}
