import { memoryContextStore } from "../../adapters/memory-context-store.ts";
import { memoryProfileStore } from "../../adapters/memory-profile-store.ts";
import { decodeEncoder } from "../../embedding/decode-encoder.ts";
import type { Encoder, History } from "../../embedding/encoder.ts";
import { untrainedEncoder } from "../../embedding/untrained-encoder.ts";
import type { Behaviour, LogEntry } from "../../events/log-entry.ts";
import { FEATURES } from "../../features/all-families.ts";
import { assert } from "../../kernel/assert.ts";
import { ProfileState } from "../../profiles/profile-state.ts";
import { dimOf, profilesOf } from "../../profiles/publish.ts";
import { contextTableOf } from "../../resonance/cold-start/context-table-of.ts";
import { fitRelease } from "../../resonance/fit-release.ts";
import type { Calibration, PublishedProfiles } from "../../resonance/published-profiles.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "../../resonance/scorer.ts";
import type { SegmentMap } from "../../resonance/segment-map.ts";
import { embedContext, rebuildIfStale } from "../../shards/embed-context.ts";
import { foldBatch } from "../../shards/fold-batch.ts";
import { offsetsOf } from "../../shards/log-offsets.ts";
import { emptyOutcome } from "../../shards/outcome.ts";
import { membershipsOf } from "../../shards/sampling.ts";
import { newShardState, type ShardState } from "../../shards/shard-state.ts";

/**
 * One shard and the profile actor without threads, log or disk: the same folds, the same control entries, one
 * after another. What `evaluate` measures is what a node does.
 */
export class EngineInMemory {
  readonly #shard: ShardState;
  readonly #profiles = new ProfileState(memoryProfileStore());
  readonly #map: SegmentMap;
  readonly #seed: number;
  readonly #encoders = new Map<string, Encoder>();
  readonly #published = new Map<number, PublishedProfiles>();
  readonly #members = new Set<string>();
  #calibrations: readonly Calibration[] = [];
  #sequence = 0;
  /** Samples since the last publication, and ever. */
  #activations = 0;
  #unpublished = 0;
  #samples = 0;

  constructor(map: SegmentMap, given: { readonly ringEvents: number; readonly seed: number }) {
    this.#map = map;
    this.#seed = given.seed;
    this.#shard = newShardState({
      shard: 0,
      features: FEATURES,
      encoder: untrainedEncoder(FEATURES),
      source: memoryContextStore(),
      residentUsers: Number.POSITIVE_INFINITY,
      ringEvents: given.ringEvents,
    });
    this.#profiles.useMaps([map], 1);
  }

  get encoder(): Encoder {
    return this.#shard.encoder;
  }

  /** Members who did something. */
  get members(): number {
    return this.#members.size;
  }

  /** Puts the map in force; to be called once, first. */
  async open(): Promise<void> {
    await this.#control({ kind: "segments-activated", version: 1 });
  }

  /** Folds one behaviour. */
  fold(behaviour: Behaviour): void {
    this.#apply(behaviour, behaviour.tsMs);
  }

  /** Whether enough was sampled since the last publication that another one is worth it. */
  get isWorthPublishing(): boolean {
    return this.#unpublished >= Math.max(MIN_SAMPLES, this.#samples * SAMPLE_SHARE);
  }

  /** Publishes the profiles as they stand. */
  async publish(): Promise<void> {
    this.#unpublished = 0;
    const encoder = this.#profiles.encoder;
    const version = this.#publication(encoder);
    if (version === undefined) return;
    await this.#control({ kind: "profiles-activated", map: this.#map.name, version, encoder });
  }

  /** Fits a new encoder from the members' recent events, builds its profiles and switches to it. */
  async refit(): Promise<void> {
    const release = fitRelease(this.#histories(), [this.#map], FEATURES, { seed: this.#seed });
    if (release.version === this.#shard.encoder.version) return;
    this.#encoders.set(release.version, decodeEncoder(release.artefact, FEATURES));
    this.#profiles.prepare(release.version);
    await this.#control({ kind: "encoder-prepared", encoder: release.version });
    this.#calibrations = release.calibrations;
    const version = this.#publication(release.version);
    this.#profiles.promote();
    const profiles: Record<string, number> = version === undefined ? {} : { [this.#map.name]: version };
    await this.#control({
      kind: "encoder-activated",
      encoder: release.version,
      profiles,
      order: ++this.#activations,
    });
    this.#unpublished = 0;
  }

  /** The distribution of a user, "none" last, beside the prior of the same moment. */
  score(user: string): { probabilities: Float64Array; prior: Float64Array } {
    const scorer = this.#scorer();
    const scores = newScoreBuffer(scorer.segments.length);
    const prior = newScoreBuffer(scorer.segments.length);
    const context = this.#shard.contexts.find(user);
    assert(context !== undefined, "only users with events are scored");
    rebuildIfStale(this.#shard, context);
    const evidence = embedContext(this.#shard, context);
    const offsets = offsetsOf(this.#shard, context, 0, { nowMs: context.lastTsMs, evidence });
    scoreInto(scorer, this.#shard.scratch.embedding, evidence, scores, offsets);
    scoreInto(scorer, this.#shard.scratch.embedding, 0, prior);
    return { probabilities: scores.probabilities, prior: prior.probabilities };
  }

  #scorer(): Scorer {
    const [scorer] = this.#shard.scorers;
    assert(scorer !== undefined, "the map is in force");
    return scorer;
  }

  #publication(encoder: string): number | undefined {
    const ledger = this.#profiles.ledger(encoder);
    if (ledger === undefined || dimOf(ledger) === 0) return undefined;
    const version = this.#published.size + 1;
    const given = { version, dim: dimOf(ledger), calibrations: this.#calibrations };
    const published = profilesOf(ledger, this.#map, given);
    const contextTable = contextTableOf(published, this.#calibrations);
    this.#published.set(version, contextTable === undefined ? published : { ...published, contextTable });
    return version;
  }

  #histories(): History[] {
    return [...this.#members].flatMap((user) => {
      const context = this.#shard.contexts.find(user);
      if (context === undefined) return [];
      const labels = membershipsOf(this.#shard.definitions.maps, context);
      const came = context.arrival === undefined ? {} : { arrival: context.arrival };
      return [{ user, labels, events: this.#shard.recent.events(context), ...came }];
    });
  }

  async #control(entry: LogEntry): Promise<void> {
    const { releases } = this.#shard;
    releases.release();
    const source = {
      encoder: async (version: string) => this.#encoders.get(version),
      profiles: async (_map: string, version: number) => this.#published.get(version),
      segments: async (version: number) => ({ version, maps: [this.#map] }),
      content: async () => undefined,
      rates: async () => undefined,
      experiments: async () => undefined,
      privacy: async () => undefined,
    };
    if (entry.kind === "segments-activated") await releases.fetchSegments(source, entry.version);
    if (entry.kind === "encoder-prepared") await releases.fetchEncoder(source, entry.encoder);
    if (entry.kind === "profiles-activated") await releases.fetchProfiles(source, entry.map, entry.version);
    if (entry.kind === "encoder-activated") {
      await releases.fetchEncoder(source, entry.encoder);
      for (const [map, version] of Object.entries(entry.profiles))
        await releases.fetchProfiles(source, map, version);
    }
    this.#apply(entry, 0);
    for (const { kind: warmUp, since, slices: slice, done } of [...this.#shard.warmUps])
      if (!done) this.#apply({ kind: "warm-up-continued", warmUp, since, slice, users: ALL }, 0);
  }

  #apply(entry: LogEntry, loggedAtMs: number): void {
    const sequence = ++this.#sequence;
    const outcome = emptyOutcome();
    foldBatch(this.#shard, [{ sequence, loggedAtMs, entry }], outcome);
    const { samples, removals } = outcome;
    if (samples.length + removals.length === 0) return;
    for (const sample of outcome.samples) this.#members.add(sample.user);
    this.#profiles.apply(sequence, { shard: 0, samples, removals });
    this.#unpublished += outcome.samples.length;
    this.#samples += outcome.samples.length;
  }
}

/** Members of a slice: nobody waits here, so there is one slice. */
const ALL = Number.MAX_SAFE_INTEGER;
/** A publication follows when the samples have grown by this share, but not for a handful. */
const SAMPLE_SHARE = 0.02;
const MIN_SAMPLES = 50;
