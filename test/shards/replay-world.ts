import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import type { Encoder } from "../../src/embedding/encoder.ts";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { encodeBehaviours, encodeEntry } from "../../src/events/log-codec.ts";
import type { Behaviour, Control } from "../../src/events/log-entry.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { gaussian, type Random, seededRandom } from "../../src/kernel/random.ts";
import { ContextCounts } from "../../src/resonance/cold-start/context-counts.ts";
import { ContextTable } from "../../src/resonance/cold-start/context-table.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import type { ScoreAspect, ShardScoreReply } from "../../src/resonance/score-answer.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import type { WantedUser } from "../../src/shards/held-user.ts";
import { type ReplayOptions, replayDecision } from "../../src/shards/replay-decision.ts";
import { type AnswerType, ScoreAnswers } from "../../src/shards/score-answers.ts";
import { startShardHost } from "../../src/shards/shard-host.ts";
import { readHeldUser } from "../../src/shards/snapshot-read.ts";
import { snapshotShard } from "../../src/shards/snapshot-write.ts";
import { poisonRow, START_MS } from "./a-shard.ts";

export const KEY = [1, 2] as const;
export const RING = 20;
const subjects = subjectsOf("replay");
const stream = subjects.shardLog(0);

/** Two maps, one of each mode; the second definitions have a segment more. */
const mapOf = (name: string, mode: SegmentMap["mode"], segments: readonly string[]): SegmentMap => ({
  name,
  mode,
  segments: segments.map((segment) => ({ name: segment })),
  window: { bucketMs: 86_400_000, buckets: 30 },
  threshold: { enter: 0.5, minEvidence: 1 },
});
export const DEFINITIONS: Readonly<Record<number, readonly SegmentMap[]>> = {
  1: [
    mapOf("life", "exclusive", ["new", "loyal", "gone"]),
    mapOf("wants", "independent", ["deals", "gifts"]),
  ],
  2: [
    mapOf("life", "exclusive", ["new", "loyal", "gone", "back"]),
    mapOf("wants", "independent", ["deals", "gifts"]),
  ],
};

let serial = 0;

/** What one of a few users does. */
export function someBehaviour(random: Random, user: string, at: number): Behaviour {
  const pick = (count: number) => Math.floor(random() * count);
  const type = ["view", "click", "purchase", "search", "rate", "swipe"][pick(6)] ?? "view";
  return {
    kind: "behaviour",
    id: `event-${++serial}`,
    user,
    type,
    tsMs: START_MS + at * 600_000 - (pick(5) === 0 ? pick(7_200_000) : 0), // Some come late.
    item: `item-${pick(12)}`,
    categories: [`category-${pick(5)}`],
    ...(type === "purchase" ? { value: 5 + pick(50), currency: "EUR" } : {}),
    ...(type === "search" ? { keywords: [1 + pick(30)] } : {}),
    context: { device: ["phone", "desk"][pick(2)] ?? "phone" },
  };
}

/** An encoder fitted on users of two tastes. */
export const fitted: Encoder = (() => {
  const random = seededRandom(5);
  const histories = Array.from({ length: 60 }, (_, u) => ({
    user: `member-${u}`,
    labels: { life: ["new", "loyal", "gone"][u % 3] ?? "new" },
    events: Array.from({ length: 8 }, (_, i) => {
      const behaviour = someBehaviour(random, `member-${u}`, i);
      return toFeatureEvent({ ...behaviour, item: `item-${(u % 3) * 4 + Math.floor(random() * 5)}` });
    }),
  }));
  const maps = [{ name: "life", segments: ["new", "loyal", "gone"] }];
  return linearEncoder(fitLinear(histories, maps, FEATURES, { components: 4 }), FEATURES);
})();
export const untrained = untrainedEncoder(FEATURES);

/** Profiles at random places: another version lies elsewhere. */
export function somePublished(map: SegmentMap, version: number, encoder: Encoder): PublishedProfiles {
  const random = seededRandom(version * 31 + map.segments.length + encoder.dim);
  const profiles = map.segments.map(({ name }) => {
    const direction = Float64Array.from({ length: encoder.dim }, () => gaussian(random));
    const length = Math.hypot(...direction);
    return { segment: name, members: 5, centroid: Float32Array.from(direction, (x) => (0.8 * x) / length) };
  });
  const calibration = defaultCalibration(encoder.version, map.name, profiles.length);
  return {
    map: map.name,
    mode: map.mode,
    version,
    encoder: encoder.version,
    dim: encoder.dim,
    watermarkMs: START_MS,
    profiles,
    background: 2,
    calibration: {
      ...calibration,
      kappa: calibration.kappa.map((kappa) => 6 * kappa),
      intercepts: profiles.map((_, k) => 0.1 * k - 0.1),
      noneIntercept: -0.2,
    },
    threshold: map.threshold,
    contextTable: someContextTable(map),
  };
}

/** The devices that {@link someBehaviour} has tell segments apart, also of those who did much. */
export function someContextTable(map: SegmentMap): ContextTable {
  const classes = map.segments.length + 1;
  const devices = ["phone", "desk"].map((device) => arrivalOf({ device })!);
  const members = Array.from({ length: 60 * classes }, (_, i) => ({
    k: i % classes,
    device: i % 7 < 3 ? 0 : 1,
  }));
  const counts = ContextCounts.of(
    {
      arrivals: members.map(({ device, k }) => devices[k === 0 ? 0 : device]!),
      classes: Int16Array.from(members, ({ k }) => k),
    },
    { segments: map.segments.length, classes },
    [{ field: "device", tau: 20 }],
  );
  const weights = [1, 0.8, 0.6, 0.4, 0.3, 0.2];
  const gain = { members: members.length, logLoss: 0, without: 0 };
  const prior = { levels: counts.levels, weights, gain, counts: counts.stored() };
  return new ContextTable(prior, map.mode, map.segments.length);
}

/** A shard over ports in memory, whose log, releases and snapshots are there for replays. */
export async function replayWorld(given: { readonly residentUsers?: number } = {}) {
  let nowMs = START_MS;
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  const log = new MemoryLog(clock);
  for (const name of [stream, subjects.samples, subjects.deadLetters]) await log.ensure(name);
  await log.ensure(subjects.transitions, { subjects: [subjects.transition("*", "*")] });
  const bus = memoryBus();
  const store = memoryContextStore();
  const published = new Map<string, PublishedProfiles>();
  const releases = {
    encoder: async (version: string) => [untrained, fitted].find((one) => one.version === version),
    profiles: async (map: string, version: number) => published.get(`${map} ${version}`),
    segments: async (version: number) => ({ version, maps: DEFINITIONS[version] ?? [] }),
    content: async () => undefined,
    rates: async () => undefined,
    experiments: async () => undefined,
    privacy: async () => undefined,
  };
  const snapshots = {
    blobs: memoryBlobStore(),
    compressor: identityCompressor,
    pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  let served = 0;
  const start = async () => {
    const host = await startShardHost(
      {
        log,
        bus,
        store,
        releases,
        clock,
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        pause: snapshots.pause,
        newId: () => `server-${++served}`,
        decisionKey: KEY,
        subjects,
      },
      {
        shard: 0,
        shards: 1,
        node: "test",
        residentUsers: given.residentUsers ?? 2,
        ringEvents: RING,
        batchEntries: 10,
      },
    );
    await host.own({ epoch: 1, session: 1, isHeld: () => true });
    return host;
  };
  let host = await start();
  const append = async (...messages: readonly Uint8Array[]): Promise<number> => {
    nowMs += 60_000;
    const sequences = await log.append(
      stream,
      messages.map((data) => ({ id: `message-${++serial}`, data })),
    );
    return sequences.at(-1) ?? 0;
  };
  const options: ReplayOptions = {
    shard: 0,
    stream,
    beginsEmpty: true,
    ringEvents: RING,
    messagesMax: 1_000_000,
    patienceMs: 20_000,
  };
  const ids = new DecisionIds(KEY, "replay");
  return {
    log,
    releases,
    published,
    store,
    options,
    /** What explanations are worked out from. */
    explainWorld: { log, releases, snapshots, subjects, clock, decisions: ids },
    ids,
    append,
    behaviours: (behaviours: readonly Behaviour[]) =>
      append(...encodeBehaviours(behaviours).map(({ data }) => data)),
    control: (control: Control) => append(encodeEntry(control)),
    /** An entry of the user that no fold takes. */
    poison: (user: string) => {
      const act = { id: `poison-${++serial}`, user, type: "view", tsMs: START_MS };
      return append(Uint8Array.of(1, ...encode(poisonRow(act))));
    },
    /** Publishes profiles of a map, without activating them. */
    publish(map: SegmentMap, version: number, encoder: Encoder) {
      published.set(`${map.name} ${version}`, somePublished(map, version, encoder));
    },
    /** The bytes of a served answer. */
    async score(user: string, aspect: ScoreAspect, type: AnswerType, atLeast: number): Promise<Uint8Array> {
      const request = encode({ users: [user], ...aspect, type, atLeast, waitMs: 2_000 });
      const reply = await bus.request(subjects.shard(0, "score"), request, { timeoutMs: 5_000 });
      if (reply.error !== undefined) throw fromWireError(reply.error);
      return (decode(reply.data) as ShardScoreReply).answers[0] ?? new Uint8Array();
    },
    async restart() {
      await host.stop();
      host = await start();
    },
    snapshot: () => snapshotShard(snapshots, store, { unit: "shard-0", loggedAtMs: () => undefined }),
    /** The answer of a decision again, from what is stored. */
    async replay(
      decision: string,
      aspect: ScoreAspect,
      type: AnswerType,
      change: Partial<ReplayOptions> = {},
    ) {
      const read = ids.read(decision);
      const { first } = await log.bounds(stream);
      const heldAt = (sequence: number, wanted: WantedUser) =>
        readHeldUser(
          snapshots,
          {
            unit: "shard-0",
            accepts: (manifest) => manifest.sequence <= sequence && manifest.sequence + 1 >= first,
            report: (error) => {
              throw error;
            },
          },
          wanted,
        );
      const ports = { log, releases, heldAt, monotonicMs: () => performance.now() };
      const replayed = await replayDecision(ports, read, { ...options, ...change });
      const then = { nowMs: () => read.atMs, monotonicMs: () => 0 };
      const sealed = { next: () => decision } as unknown as DecisionIds;
      const answers = new ScoreAnswers(replayed.state, then, sealed);
      return { ...replayed, answer: answers.score(replayed.user ?? "", aspect, type) };
    },
    stop: () => host.stop(),
  };
}
