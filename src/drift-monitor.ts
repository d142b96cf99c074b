import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import { readJson } from "./actors/read-json.ts";
import type { Subjects } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import type { FeatureDistribution } from "./features/feature-distribution.ts";
import type { Clock } from "./kernel/clock.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { CentroidView } from "./profiles/profile-messages.ts";
import { releaseKeys } from "./releases.ts";
import {
  type DriftAlert,
  type DriftEntry,
  driftAlerts,
  type MapDrift,
  stabilityOfCounts,
} from "./resonance/drift.ts";
import { calibrationError, calibrationErrorByChance } from "./resonance/metrics.ts";
import type { DriftReply, DriftRequest } from "./shards/drift-page.ts";

/** What `drift` answers. */
export type DriftReport = Readonly<{
  /** The newest measurement, and those before it. */
  now: DriftEntry;
  history: readonly DriftEntry[];
  alerts: readonly DriftAlert[];
  /** Whether the release in force tells how its features were spread. */
  hasDistribution: boolean;
  centroids: readonly CentroidView[];
}>;

/** What `status` tells of the last measurement. */
export type DriftSummary = Readonly<{ atMs: number; alerts: readonly DriftAlert[] }>;

/** Asks of nobody, for how many there are. */
const NOBODY: DriftRequest = { edges: [], sinceMs: 0, from: 0, step: 1, limit: 0 };
/** Users of one page: their features are made of their recent events, half a millisecond each. */
const PAGE_USERS = 16;
const PAGE_TIMEOUT_MS = 10_000;
/** Users looked at, over all shards. */
const SAMPLE = 2_000;
/** Measurements kept: four days at one in ten minutes. */
const HISTORY_MAX = 576;
const FEATURES_TOLD = 10;
const ECE_BINS = 15;

type World = Readonly<{ bus: Bus; subjects: Subjects; releases: BlobStore; clock: Clock; shards: number }>;

/** Measures the drift of the release in force, and keeps the measurement beside those before. */
export async function measureDrift(world: World, sample = SAMPLE): Promise<DriftReport> {
  const { clock, releases } = world;
  const history = await readHistory(releases);
  const first = await page(world, 0, NOBODY);
  const stored = await readJson<FeatureDistribution>(releases, releaseKeys.distribution(first.encoder));
  const distribution = stored?.schema === FEATURES.version ? stored : undefined;
  const gathered = await gather(world, distribution, Math.ceil(sample / world.shards), first.encoder);
  const psi = distribution === undefined ? [] : stabilities(distribution, gathered.counts);
  const now: DriftEntry = {
    atMs: clock.nowMs(),
    encoder: first.encoder,
    users: gathered.users,
    featureUsers: (gathered.counts[0] ?? []).reduce((sum, count) => sum + count, 0),
    maps: gathered.maps,
    psi,
  };
  const all = [...history, now].slice(-HISTORY_MAX);
  const alerts = driftAlerts(all);
  await releases.put(releaseKeys.driftHistory, encode(all));
  await releases.put(releaseKeys.driftLatest, encode({ atMs: now.atMs, alerts } satisfies DriftSummary));
  const centroids = (await ask(
    world.bus,
    world.subjects.profileActor("centroids"),
    {},
    PAGE_TIMEOUT_MS,
  )) as readonly CentroidView[];
  return { now, history: all, alerts, hasDistribution: distribution !== undefined, centroids };
}

/** Lines that tell which alerts have come and gone since the last ones: each change once. */
export function alertChanges(before: readonly DriftAlert[], after: readonly DriftAlert[]): string[] {
  const nameOf = ({ kind, of }: DriftAlert): string => `${kind} of ${of}`;
  const had = new Set(before.map(nameOf));
  const has = new Set(after.map(nameOf));
  return [
    ...after
      .filter((alert) => !had.has(nameOf(alert)))
      .map((alert) => {
        const { value, limit } = alert;
        return `warning: drift: ${nameOf(alert)} is ${value.toFixed(4)}, above ${limit.toFixed(4)}: see \`resonance drift\``;
      }),
    ...before.filter((alert) => !has.has(nameOf(alert))).map((alert) => `drift: ${nameOf(alert)} is over`),
  ];
}

/** The alerts of the last measurement, also of another node's. */
export async function lastAlerts(releases: BlobStore): Promise<readonly DriftAlert[]> {
  const bytes = await releases.get(releaseKeys.driftLatest);
  return bytes === undefined ? [] : (decode(bytes) as DriftSummary).alerts;
}

async function gather(
  world: World,
  distribution: FeatureDistribution | undefined,
  perShard: number,
  encoder: string,
): Promise<{ users: number; counts: readonly (readonly number[])[]; maps: Record<string, MapDrift> }> {
  const edges = distribution?.edges ?? [];
  const sinceMs = distribution?.untilMs ?? 0;
  const counts = edges.map((ends) => Array.from({ length: ends.length + 1 }, () => 0));
  const pages: DriftReply[] = [];
  for (let shard = 0; shard < world.shards; shard++) {
    const { resident } = await page(world, shard, NOBODY);
    const step = Math.max(1, Math.floor(resident / perShard));
    let left = perShard;
    for (let from: number | undefined = 0; from !== undefined && left > 0; ) {
      const limit = Math.min(left, PAGE_USERS);
      const reply: DriftReply = await page(world, shard, { edges, sinceMs, from, step, limit });
      from = reply.next;
      left -= reply.users;
      if (reply.encoder !== encoder) continue; // A switch came in between: it is of another release.
      pages.push(reply);
      for (const [feature, row] of reply.counts.entries())
        for (const [bin, count] of row.entries()) {
          const held = counts[feature];
          if (held !== undefined) held[bin] = (held[bin] ?? 0) + count;
        }
    }
  }
  const users = pages.reduce((sum, reply) => sum + reply.users, 0);
  const names = new Set(pages.flatMap(({ maps }) => Object.keys(maps)));
  return {
    users,
    counts,
    maps: Object.fromEntries([...names].map((map) => [map, mapDrift(pages, map, users)])),
  };
}

function mapDrift(pages: readonly DriftReply[], map: string, users: number): MapDrift {
  const of = pages.flatMap(({ maps }) => maps[map] ?? []);
  const nll = of.flatMap((one) => one.nll);
  const scores = of.flatMap(({ confidence }) => confidence.map((value) => [value]));
  // A vector of one class: it is right if the label is that class.
  const labels = of.flatMap(({ right }) => right.map((isRight) => (isRight ? 0 : -1)));
  return {
    members: nll.length,
    nll: nll.reduce((sum, value) => sum + value, 0) / Math.max(1, nll.length),
    ece: calibrationError(scores, labels, ECE_BINS),
    eceByChance: calibrationErrorByChance(scores, ECE_BINS),
    none: of.reduce((sum, one) => sum + one.none, 0) / Math.max(1, users),
  };
}

function stabilities(
  { edges, counts }: FeatureDistribution,
  actual: readonly (readonly number[])[],
): DriftEntry["psi"] {
  return edges
    .map((_, feature) => ({
      feature: FEATURES.features[feature] ?? String(feature),
      psi: stabilityOfCounts(counts[feature] ?? [], actual[feature] ?? []),
    }))
    .sort((a, b) => b.psi - a.psi)
    .slice(0, FEATURES_TOLD);
}

async function readHistory(releases: BlobStore): Promise<readonly DriftEntry[]> {
  const bytes = await releases.get(releaseKeys.driftHistory);
  return bytes === undefined ? [] : (decode(bytes) as readonly DriftEntry[]);
}

async function page({ bus, subjects }: World, shard: number, request: DriftRequest): Promise<DriftReply> {
  return (await ask(bus, subjects.shard(shard, "drift"), request, PAGE_TIMEOUT_MS)) as DriftReply;
}
