import type { Control } from "../events/log-entry.ts";
import { assertNever } from "../kernel/assert.ts";
import { prepareScorer, priorScorer, type Scorer } from "../resonance/scorer.ts";
import type { Context } from "./context.ts";
import { embedContext, embedUnder, rebuildIfStale } from "./embed-context.ts";
import type { Outcome } from "./outcome.ts";
import { membershipsOf, sampleOf } from "./sampling.ts";
import { type ShardState, useDefinitions, useEncoder, useScorers } from "./shard-state.ts";

type At = Readonly<{ sequence: number; loggedAtMs: number }>;

/** Applies a control entry. Versions only grow: what is not newer is a repeat. */
export function foldControl(shard: ShardState, entry: Control, at: At, outcome: Outcome): void {
  switch (entry.kind) {
    case "encoder-prepared":
      prepareEncoder(shard, entry.encoder, at, outcome);
      break;
    case "encoder-activated":
      activateEncoder(shard, entry, at);
      break;
    case "profiles-activated":
      activateProfiles(shard, entry, at);
      break;
    case "segments-activated":
      activateSegments(shard, entry.version, at, outcome);
      break;
    default:
      assertNever(entry);
  }
}

/** Samples every authenticated user under a candidate, so that its profiles can be built before it serves. */
function prepareEncoder(shard: ShardState, version: string, at: At, outcome: Outcome): void {
  const candidate = shard.releases.encoder(version);
  if (candidate === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  let index = 0;
  for (const context of authenticatedContexts(shard)) {
    const embedded = {
      encoder: version,
      embedding: embedUnder(shard, candidate, context),
      tsMs: context.lastTsMs,
    };
    const labels = membershipsOf(shard.definitions.maps, context);
    outcome.samples.push(sampleOf(context, embedded, labels, { sequence: at.sequence, index: index++ }));
  }
  outcome.prepared.push(version);
}

function activateEncoder(
  shard: ShardState,
  entry: Extract<Control, { kind: "encoder-activated" }>,
  at: At,
): void {
  // Those without a number, of order 0, count until the first that has one.
  const isUnnumbered = entry.order === 0 && shard.encoderOrder === 0;
  if (entry.order <= shard.encoderOrder && !isUnnumbered) return;
  const encoder = shard.releases.encoder(entry.encoder);
  if (encoder === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  shard.encoderOrder = entry.order;
  useEncoder(shard, encoder);
  const scorers = shard.definitions.maps.map((map): Scorer => {
    const version = entry.profiles[map.name];
    const published = version === undefined ? undefined : shard.releases.profiles(map.name, version);
    if (published === undefined) return priorScorer(map, encoder);
    shard.activatedMs.set(map.name, at.loggedAtMs);
    return prepareScorer(published);
  });
  useScorers(shard, scorers);
}

function activateProfiles(
  shard: ShardState,
  entry: Extract<Control, { kind: "profiles-activated" }>,
  at: At,
): void {
  const index = shard.scorers.findIndex((scorer) => scorer.map === entry.map);
  const inForce = shard.scorers[index];
  if (inForce === undefined || entry.encoder !== shard.encoder.version || entry.version <= inForce.version)
    return;
  const published = shard.releases.profiles(entry.map, entry.version);
  const map = shard.definitions.maps[index];
  const segments = map?.segments.map((segment) => segment.name).join("\n");
  if (published === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  // Published for definitions that are no longer, or not yet, those of this shard: the next one will fit.
  if (published.profiles.map((profile) => profile.segment).join("\n") !== segments) return;
  const scorers = [...shard.scorers];
  scorers[index] = prepareScorer(published);
  useScorers(shard, scorers);
  shard.activatedMs.set(entry.map, at.loggedAtMs);
}

/** Puts new definitions in force and tells the profiles of every user whose memberships are others now. */
function activateSegments(shard: ShardState, version: number, at: At, outcome: Outcome): void {
  if (version <= shard.definitions.version) return;
  const definitions = shard.releases.segments(version);
  if (definitions === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  const before = shard.definitions;
  useDefinitions(shard, definitions);
  let index = 0;
  for (const context of authenticatedContexts(shard)) {
    const was = membershipsOf(before.maps, context);
    const labels = membershipsOf(definitions.maps, context);
    if (before.version > 0 && sameRecord(was, labels)) continue;
    rebuildIfStale(shard, context);
    embedContext(shard, context);
    const embedded = {
      encoder: shard.encoder.version,
      embedding: shard.scratch.embedding,
      tsMs: context.lastTsMs,
    };
    outcome.samples.push(sampleOf(context, embedded, labels, { sequence: at.sequence, index: index++ }));
  }
}

/** The context of every authenticated user who did something, in an order that any replay has too, without filling the memory. */
function* authenticatedContexts(shard: ShardState): Generator<Context> {
  const users = new Set(shard.source.authenticated());
  for (const user of shard.newlyAuthenticated.keys()) users.add(user);
  for (const user of [...users].sort()) {
    const context = shard.contexts.peek(user);
    if (context !== undefined && context.events > 0) yield context;
  }
}

function sameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
