import type { Encoder } from "../embedding/encoder.ts";
import type { PositionedEntry } from "../events/log-entry.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { type ConsentRules, DEFAULT_RULES } from "../privacy/consent/consent-rules.ts";
import { WithheldCounts } from "../privacy/consent/withheld-counts.ts";
import type { HashUser } from "../privacy/user-hash.ts";
import { UsersByHash } from "../privacy/users-by-hash.ts";
import { newScoreBuffer, priorScorer, type ScoreBuffer, type Scorer } from "../resonance/scorer.ts";
import type { SegmentDefinitions } from "../resonance/segment-map.ts";
import { ContentInForce } from "./content-in-force.ts";
import { contextSchema } from "./context-codec.ts";
import type { ContextSource, PendingErasure, ShardMeta } from "./context-store.ts";
import { ExperimentsInForce } from "./experiments-in-force.ts";
import { LatelyActive } from "./lately-active.ts";
import { newOffsetRoom, type OffsetRoom } from "./offset-room.ts";
import { RecentEvents } from "./recent-events.ts";
import { FetchedReleases } from "./releases.ts";
import { ResidentContexts } from "./resident-contexts.ts";
import { ShadowStates } from "./shadow-states.ts";
import type { WarmUp } from "./warm-up-state.ts";

/** Everything that one shard's fold reads and changes. It belongs to one host. */
export type ShardState = {
  readonly shard: number;
  /** What its outputs are known by. */
  readonly key: number;
  readonly features: FeatureSchema;
  readonly source: ContextSource;
  readonly contexts: ResidentContexts;
  readonly recent: RecentEvents;
  readonly releases: FetchedReleases;
  /** Last sequence that the contexts contain. */
  applied: number;
  /** The entry that is being folded, or was last. */
  folding: PositionedEntry | undefined;
  encoder: Encoder;
  /**
   * What contexts say that their state is of: the encoder's version, and the place of its activation. Of an encoder that is
   * put back, a state that was rebuilt meanwhile and one that was not differ: so all are made anew.
   */
  stateKey: string;
  /** `order` of the last entry that activated, or discarded, an encoder. */
  encoderOrder: number;
  definitions: SegmentDefinitions;
  /** Definitions that members are sampled for beside those in force. */
  nextDefinitions: SegmentDefinitions | undefined;
  /** One of each kind at most. */
  readonly warmUps: WarmUp[];
  readonly shadows: ShadowStates;
  /** Erasures that are not done everywhere, oldest first. */
  erasures: readonly PendingErasure[];
  /** Whom erasures are of, by their ids, as far as their entries were folded here and still told. */
  readonly erasing: Map<string, string>;
  readonly usersByHash: UsersByHash;
  /** Told of every user who is erased: what else is kept of them in memory goes. */
  readonly onErased: Set<(user: string) => void>;
  /** Whom somebody watches, if anybody does. */
  readonly lately: LatelyActive;
  /** In the order of the definitions' maps. */
  scorers: Scorer[];
  /** What content is chosen from, and by. */
  readonly content: ContentInForce;
  readonly experiments: ExperimentsInForce;
  /** What may be kept and done of whom. */
  consent: ConsentRules;
  /** Log time of each map's last activation, epoch ms. */
  readonly activatedMs: Map<string, number>;
  /** Number of the batch being folded; what it touches stays in memory until it is committed. */
  batch: number;
  /** Users who became authenticated in batches that are not committed yet. */
  readonly newlyAuthenticated: Map<string, number>;
  readonly counters: ShardCounters;
  /** By purpose, what the counters of the same names count. */
  readonly withheld: WithheldCounts;
  readonly scratch: Scratch;
};

export type ShardCounters = {
  events: number;
  duplicates: number;
  /** Activations whose release was not there any more. */
  missingReleases: number;
  deadLetters: number;
  /** Behaviours of which something was left out, or all, for want of consent. */
  withheld: number;
  /** Purposes that were refused by users of whom something was held for them. */
  withdrawals: number;
  /** Users who were found to be programs. */
  bots: number;
};

/** Buffers that every event uses again. */
export type Scratch = {
  readonly features: Float32Array;
  embedding: Float32Array;
  /** Version of the encoder that the embedding is of. */
  embeddedBy: string;
  readonly scores: ScoreBuffer[];
  readonly offsets: OffsetRoom[];
};

/** The definitions before any: no map. */
export const NO_DEFINITIONS: SegmentDefinitions = { version: 0, maps: [] };

/** A shard of which nothing was applied yet. */
export function newShardState(given: {
  readonly shard: number;
  /** The shard's number if left out. */
  readonly key?: number;
  readonly features: FeatureSchema;
  readonly encoder: Encoder;
  readonly source: ContextSource;
  readonly residentUsers: number;
  readonly ringEvents: number;
  /** Only a shard whose log may be redacted needs it. */
  readonly hashUser?: HashUser;
}): ShardState {
  const contexts = new ResidentContexts(given.source, given.residentUsers);
  const lately = new LatelyActive();
  return {
    shard: given.shard,
    key: given.key ?? given.shard,
    features: given.features,
    source: given.source,
    contexts,
    recent: new RecentEvents(given.source, given.ringEvents),
    releases: new FetchedReleases(),
    applied: 0,
    folding: undefined,
    encoder: given.encoder,
    stateKey: given.encoder.version,
    encoderOrder: 0,
    definitions: NO_DEFINITIONS,
    nextDefinitions: undefined,
    warmUps: [],
    shadows: new ShadowStates(given.ringEvents),
    erasures: [],
    erasing: new Map(),
    usersByHash: new UsersByHash(contexts, given.hashUser),
    onErased: new Set([(user) => lately.erased(user)]),
    lately,
    scorers: [],
    content: new ContentInForce(),
    experiments: new ExperimentsInForce(),
    consent: DEFAULT_RULES,
    activatedMs: new Map(),
    batch: 0,
    newlyAuthenticated: new Map(),
    counters: {
      events: 0,
      duplicates: 0,
      missingReleases: 0,
      deadLetters: 0,
      withheld: 0,
      withdrawals: 0,
      bots: 0,
    },
    withheld: new WithheldCounts(),
    scratch: {
      features: new Float32Array(given.features.width),
      embedding: new Float32Array(given.encoder.dim),
      embeddedBy: given.encoder.version,
      scores: [],
      offsets: [],
    },
  };
}

/** Puts definitions in force; maps that stay keep their scorer if its segments are the same. */
export function useDefinitions(shard: ShardState, definitions: SegmentDefinitions): void {
  const held = new Map(shard.scorers.map((scorer) => [scorer.map, scorer]));
  shard.definitions = definitions;
  const scorers = definitions.maps.map((map) => {
    const scorer = held.get(map.name);
    const same =
      scorer !== undefined &&
      scorer.encoder === shard.encoder.version &&
      scorer.segments.length === map.segments.length &&
      map.segments.every((segment, k) => segment.name === scorer.segments[k]);
    return same ? scorer : priorScorer(map, shard.encoder);
  });
  useScorers(shard, scorers);
}

/** Puts scorers in force, with buffers that fit them. */
export function useScorers(shard: ShardState, scorers: Scorer[]): void {
  shard.scorers = scorers;
  shard.scratch.scores.splice(
    0,
    shard.scratch.scores.length,
    ...scorers.map((one) => newScoreBuffer(one.segments.length)),
  );
  shard.scratch.offsets.splice(0, shard.scratch.offsets.length, ...scorers.map(newOffsetRoom));
}

/** Puts an encoder in force. Contexts of another one are rebuilt when they are touched. */
export function useEncoder(shard: ShardState, encoder: Encoder, stateKey = encoder.version): void {
  shard.encoder = encoder;
  shard.stateKey = stateKey;
  shard.scratch.embedding = new Float32Array(encoder.dim);
}

/** The versions in force, to be committed with the contexts. */
export function metaOf(shard: ShardState, nextOutbox: number): ShardMeta {
  return {
    applied: shard.applied,
    schema: contextSchema(shard.features),
    encoder: shard.encoder.version,
    ...(shard.stateKey === shard.encoder.version ? {} : { stateKey: shard.stateKey }),
    encoderOrder: shard.encoderOrder,
    profiles: Object.fromEntries(shard.scorers.map((scorer) => [scorer.map, scorer.version])),
    activatedMs: Object.fromEntries(shard.activatedMs),
    segments: shard.definitions.version,
    ...(shard.nextDefinitions === undefined ? {} : { nextSegments: shard.nextDefinitions.version }),
    ...(shard.content.catalogue.version === 0 ? {} : { content: shard.content.catalogue.version }),
    ...(shard.content.ratesVersion === 0 ? {} : { rates: shard.content.ratesVersion }),
    ...(shard.experiments.version === 0 ? {} : { experiments: shard.experiments.version }),
    ...(shard.consent.policy.version === 0 ? {} : { privacy: shard.consent.policy.version }),
    ...(shard.warmUps.length === 0 ? {} : { warmUps: shard.warmUps.map(({ encoder, ...stored }) => stored) }),
    ...(shard.erasures.length === 0 ? {} : { erasures: shard.erasures }),
    nextOutbox,
  };
}
