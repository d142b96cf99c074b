import {
  countFeatures,
  type FeatureDistribution,
  featuresAfter,
  newCounts,
} from "../features/feature-distribution.ts";
import { newScoreBuffer, scoreEmbedded } from "../resonance/scorer.ts";
import { mayBeKnown } from "./allowed-of.ts";
import { embedContext, rebuildIfStale } from "./embed-context.ts";
import { offsetsOf } from "./log-offsets.ts";
import { membershipsOf } from "./sampling.ts";
import type { ShardState } from "./shard-state.ts";

/** Asks how users in memory look to the release in force, on `internal.shard.<n>.drift`, as MessagePack. */
export type DriftRequest = Readonly<{
  /** Of the fit's distribution of the features; empty for none. */
  edges: FeatureDistribution["edges"];
  /**
   * Members are scored whose first event is later than this, epoch ms: of those whom a fit has seen, encoder and calibration
   * know more than they will of any visitor.
   */
  sinceMs: number;
  /** Of the users in memory each `step`-th one, from the `from`-th on, at most `limit`. */
  from: number;
  step: number;
  limit: number;
}>;

export type DriftReply = Readonly<{
  encoder: string;
  users: number;
  /** By feature: authenticated users in each bin. */
  counts: readonly (readonly number[])[];
  maps: Readonly<
    Record<
      string,
      Readonly<{
        /** Users for whom "none" is the most probable. */
        none: number;
        /** Of each member, -log of the probability of their segment among the segments. */
        nll: readonly number[];
        /** Of each member, the highest probability among the segments, and whether it is that of their segment. */
        confidence: readonly number[];
        right: readonly boolean[];
      }>
    >
  >;
  /** The `from` of the following page; absent at the end. */
  next?: number;
  resident: number;
}>;

const LEAST_PROBABILITY = 1e-15;

type MapPage = { none: number; nll: number[]; confidence: number[]; right: boolean[] };

/** Scores users in memory as if nothing were known of who they are. Nothing is changed. */
export function driftPage(
  shard: ShardState,
  { edges, sinceMs, from, step, limit }: DriftRequest,
): DriftReply {
  const users = shard.contexts.users();
  const counts = newCounts(edges);
  const maps: Record<string, MapPage> = {};
  for (const { map, version } of shard.scorers)
    if (version > 0) maps[map] = { none: 0, nll: [], confidence: [], right: [] };
  let seen = 0;
  let at = from;
  for (; at < users.length && seen < limit; at += step) {
    const context = shard.contexts.resident(users[at] ?? "");
    if (context === undefined || context.events === 0 || !mayBeKnown(shard, context)) continue;
    seen++;
    // As a fit reads them: of those who are known, from the events that the ring has kept.
    if (edges.length > 0 && context.authenticated)
      countFeatures(edges, featuresAfter(shard.features, shard.recent.events(context)), counts);
    rebuildIfStale(shard, context);
    const evidence = embedContext(shard, context);
    const isNew = context.authenticated && context.firstTsMs > sinceMs;
    const labels = isNew ? membershipsOf(shard.definitions.maps, context) : {};
    for (const [m, scorer] of shard.scorers.entries()) {
      const page = maps[scorer.map];
      if (page === undefined) continue;
      const scores = newScoreBuffer(scorer.segments.length);
      const offsets = offsetsOf(shard, context, m, { nowMs: context.lastTsMs, evidence });
      scoreEmbedded(scorer, shard.scratch, evidence, scores, offsets);
      notePage(page, scorer.segments, scores.probabilities, labels[scorer.map]);
    }
  }
  const reply = { encoder: shard.encoder.version, users: seen, counts, maps, resident: users.length };
  return at < users.length ? { ...reply, next: at } : reply;
}

function notePage(
  page: MapPage,
  segments: readonly string[],
  probabilities: Float64Array,
  label: string | undefined,
): void {
  let sum = 0;
  let best = 0;
  for (let k = 0; k < segments.length; k++) {
    sum += probabilities[k] ?? 0;
    if ((probabilities[k] ?? 0) > (probabilities[best] ?? 0)) best = k;
  }
  const highest = probabilities[best] ?? 0;
  if ((probabilities[segments.length] ?? 0) > highest) page.none++;
  const truth = label === undefined ? -1 : segments.indexOf(label);
  if (truth < 0 || sum <= 0) return;
  page.nll.push(-Math.log(Math.max(LEAST_PROBABILITY, (probabilities[truth] ?? 0) / sum)));
  page.confidence.push(highest / sum);
  page.right.push(best === truth);
}
