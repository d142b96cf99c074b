import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import type { Encoder } from "../../src/embedding/encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import type { Behaviour, LogEntry, PositionedEntry } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import { prepareScorer } from "../../src/resonance/scorer.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome, type Outcome } from "../../src/shards/outcome.ts";
import { newShardState, type ShardState, useDefinitions, useScorers } from "../../src/shards/shard-state.ts";

export const START_MS = Date.UTC(2026, 0, 5);

export const MAP: SegmentMap = {
  name: "life",
  mode: "exclusive",
  segments: [{ name: "new" }, { name: "loyal", rule: { trait: "orders", range: { min: 5 } } }],
  window: { bucketMs: 86_400_000, buckets: 30 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

/** A shard with the map above in force. */
export function aShard(given: { readonly ringEvents?: number } = {}): ShardState {
  const shard = newShardState({
    shard: 7,
    features: FEATURES,
    encoder: untrainedEncoder(FEATURES),
    source: memoryContextStore(),
    residentUsers: 1_000,
    ringEvents: given.ringEvents ?? 8,
  });
  useDefinitions(shard, { version: 1, maps: [MAP] });
  return shard;
}

/** A shard that has fetched encoders of these versions. */
export async function aShardThatKnows(
  versions: readonly string[],
  given: Parameters<typeof aShard>[0] = {},
): Promise<ShardState> {
  const shard = aShard(given);
  const untrained = untrainedEncoder(FEATURES);
  for (const version of versions) {
    const encoder: Encoder = Object.create(untrained, { version: { value: version } });
    const nothing = async () => undefined;
    const source = {
      encoder: async () => encoder,
      profiles: nothing,
      segments: nothing,
      content: nothing,
      rates: nothing,
      experiments: nothing,
      privacy: nothing,
    };
    await shard.releases.fetchEncoder(source, version);
  }
  return shard;
}

let serial = 0;

type Act = Pick<Behaviour, "id" | "user" | "type" | "tsMs">;

/** A behaviour as a log keeps it, with keywords of any kind. */
export function rowOf({ id, user, type, tsMs }: Act, keywords: unknown = null): readonly unknown[] {
  return [id, user, type, tsMs, null, null, keywords, null];
}

/** A behaviour that no gateway lets through and no fold takes: its keywords are no list. */
export function poisonRow(act: Act): readonly unknown[] {
  return rowOf(act, 7);
}

/** As {@link poisonRow}, the bytes of a message of its own. */
export function poisonEntry(act: Act): Uint8Array {
  const format = 1;
  return Uint8Array.of(format, ...encode(poisonRow(act)));
}

/** A view of something by ada, unless told otherwise. */
export function aView(given: Partial<Behaviour> = {}): Behaviour {
  serial++;
  const tsMs = START_MS + serial * 1_000;
  return {
    kind: "behaviour",
    id: `event-${serial}`,
    user: "ada",
    type: "view",
    tsMs,
    item: "shoe",
    ...given,
  };
}

/** Entries at the sequences after what the shard has applied. */
export function positioned(shard: ShardState, entries: readonly LogEntry[]): PositionedEntry[] {
  return entries.map((entry, i) => ({ sequence: shard.applied + 1 + i, loggedAtMs: START_MS, entry }));
}

/** Folds entries at the next sequences. */
export function fold(shard: ShardState, ...entries: readonly LogEntry[]): Outcome {
  const outcome = emptyOutcome();
  shard.batch++;
  foldBatch(shard, positioned(shard, entries), outcome);
  return outcome;
}

/** Puts profiles in force that lie where the given users' embeddings are, so that those resonate. */
export function useProfiles(
  shard: ShardState,
  centroids: readonly Float32Array[],
  kappa = 20,
  thresholds?: PublishedProfiles["thresholds"],
): void {
  const published: PublishedProfiles = {
    map: MAP.name,
    mode: MAP.mode,
    version: 1,
    encoder: shard.encoder.version,
    dim: shard.encoder.dim,
    watermarkMs: START_MS,
    profiles: MAP.segments.map(({ name }, k) => ({
      segment: name,
      members: 10,
      centroid: centroids[k] ?? new Float32Array(shard.encoder.dim),
    })),
    background: 0,
    calibration: {
      ...defaultCalibration(shard.encoder.version, MAP.name, MAP.segments.length),
      depthEnds: [Number.POSITIVE_INFINITY],
      kappa: [kappa],
    },
    threshold: MAP.threshold,
    ...(thresholds === undefined ? {} : { thresholds }),
  };
  useScorers(shard, [prepareScorer(published)]);
}
