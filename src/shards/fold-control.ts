import { VersionMismatch } from "../embedding/version-mismatch.ts";
import type { Control } from "../events/log-entry.ts";
import type { ExperimentChange } from "../experiments/experiment-book.ts";
import { assertNever } from "../kernel/assert.ts";
import type { PublishedProfiles } from "../resonance/published-profiles.ts";
import { prepareScorer, priorScorer, type Scorer } from "../resonance/scorer.ts";
import { ledgerKey, preparedKey, type SegmentDefinitions } from "../resonance/segment-map.ts";
import type { Outcome } from "./outcome.ts";
import { type ShardState, useDefinitions, useEncoder, useScorers } from "./shard-state.ts";
import { beginWarmUp, endWarmUp, warmUpSlice } from "./warm-up.ts";

type At = Readonly<{ sequence: number; loggedAtMs: number }>;
type Entry<Kind extends Control["kind"]> = Extract<Control, { kind: Kind }>;

/** Applies a control entry. Versions only grow: what is not newer is a repeat. */
export function foldControl(shard: ShardState, entry: Control, at: At, outcome: Outcome): void {
  switch (entry.kind) {
    case "encoder-prepared":
      prepareEncoder(shard, entry.encoder, at, outcome);
      break;
    case "encoder-activated":
      activateEncoder(shard, entry, at);
      break;
    case "encoder-discarded":
      discardEncoder(shard, entry);
      break;
    case "profiles-activated":
      activateProfiles(shard, entry, at);
      break;
    case "segments-prepared":
      prepareSegments(shard, entry.version, at, outcome);
      break;
    case "segments-activated":
      activateSegments(shard, entry, at, outcome);
      break;
    case "content-activated":
      activateContent(shard, entry);
      break;
    case "rates-activated":
      activateRates(shard, entry);
      break;
    case "experiments-activated":
      activateExperiments(shard, entry, at, outcome);
      break;
    case "policy-activated":
      activatePolicy(shard, entry);
      break;
    case "warm-up-continued":
      warmUpSlice(shard, entry, at.sequence, outcome);
      break;
    default:
      assertNever(entry);
  }
}

/** From here on members are sampled under a candidate too, so that its profiles can be built before it serves. */
function prepareEncoder(shard: ShardState, version: string, at: At, outcome: Outcome): void {
  const encoder = shard.releases.encoder(version);
  if (encoder === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  beginWarmUp(shard, { kind: "encoder", version, encoder }, at.sequence, outcome);
}

function discardEncoder(shard: ShardState, { encoder, order }: Entry<"encoder-discarded">): void {
  if (order <= shard.encoderOrder) return;
  shard.encoderOrder = order;
  if (shard.warmUps.find(({ kind }) => kind === "encoder")?.version !== encoder) return;
  endWarmUp(shard, "encoder");
  shard.shadows.clear();
}

/** @throws {@link VersionMismatch} if profiles that it names are of another encoder; then nothing is changed. */
function activateEncoder(shard: ShardState, entry: Entry<"encoder-activated">, at: At): void {
  // Those without a number, of order 0, count until the first that has one.
  const isUnnumbered = entry.order === 0 && shard.encoderOrder === 0;
  if (entry.order <= shard.encoderOrder && !isUnnumbered) return;
  const encoder = shard.releases.encoder(entry.encoder);
  if (encoder === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  const scorers = shard.definitions.maps.map((map): Scorer => {
    const version = entry.profiles[map.name];
    const published = version === undefined ? undefined : shard.releases.profiles(map.name, version);
    return published === undefined || !fits(published, shard.definitions)
      ? priorScorer(map, encoder)
      : scorerUnder(encoder.version, published);
  });
  shard.encoderOrder = entry.order;
  useEncoder(shard, encoder, isUnnumbered ? encoder.version : `${encoder.version}#${entry.order}`);
  useScorers(shard, scorers);
  for (const { map, version } of scorers) if (version > 0) shard.activatedMs.set(map, at.loggedAtMs);
  if (shard.warmUps.some(({ kind, version }) => kind === "encoder" && version === encoder.version))
    endWarmUp(shard, "encoder");
}

/** @throws {@link VersionMismatch} as {@link activateEncoder}. */
function activateProfiles(shard: ShardState, entry: Entry<"profiles-activated">, at: At): void {
  const index = shard.scorers.findIndex((scorer) => scorer.map === entry.map);
  const inForce = shard.scorers[index];
  if (inForce === undefined || entry.encoder !== shard.encoder.version || entry.version <= inForce.version)
    return;
  const published = shard.releases.profiles(entry.map, entry.version);
  if (published === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  // Published for definitions that are no longer, or not yet, those of this shard: the next one will fit.
  if (!fits(published, shard.definitions)) return;
  const scorers = [...shard.scorers];
  scorers[index] = scorerUnder(shard.encoder.version, published);
  useScorers(shard, scorers);
  shard.activatedMs.set(entry.map, at.loggedAtMs);
}

/** From here on the members' segments under definitions that are to follow are told as well. */
function prepareSegments(shard: ShardState, version: number, at: At, outcome: Outcome): void {
  if (version <= Math.max(shard.definitions.version, shard.nextDefinitions?.version ?? 0)) return;
  const definitions = shard.releases.segments(version);
  if (definitions === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  shard.nextDefinitions = definitions;
  beginWarmUp(
    shard,
    { kind: "segments", version: preparedKey(version), encoder: undefined },
    at.sequence,
    outcome,
  );
}

/**
 * Puts definitions in force, with the profiles that were built for them. Where none were, as for the first ones, the prior
 * serves and members are sampled for them from here on.
 *
 * @throws {@link VersionMismatch} as {@link activateEncoder}.
 */
function activateSegments(
  shard: ShardState,
  entry: Entry<"segments-activated">,
  at: At,
  outcome: Outcome,
): void {
  const { version, profiles } = entry;
  if (version <= shard.definitions.version) return;
  const definitions = shard.releases.segments(version);
  if (definitions === undefined) {
    shard.counters.missingReleases++;
    return;
  }
  const built = new Map<string, Scorer>();
  for (const [map, number] of Object.entries(profiles ?? {})) {
    const published = shard.releases.profiles(map, number);
    if (published !== undefined) built.set(map, scorerUnder(shard.encoder.version, published));
  }
  const before = shard.definitions;
  if ((shard.nextDefinitions?.version ?? version) <= version) {
    shard.nextDefinitions = undefined;
    endWarmUp(shard, "segments");
  }
  useDefinitions(shard, definitions);
  useScorers(
    shard,
    shard.scorers.map((scorer) => built.get(scorer.map) ?? scorer),
  );
  for (const map of built.keys()) shard.activatedMs.set(map, at.loggedAtMs);
  if (profiles === undefined && asksForMore(before, definitions))
    beginWarmUp(
      shard,
      { kind: "segments", version: preparedKey(version), encoder: undefined },
      at.sequence,
      outcome,
    );
}

function activateContent(
  { content, counters, releases }: ShardState,
  entry: Entry<"content-activated">,
): void {
  if (entry.version <= content.catalogue.version) return;
  const catalogue = releases.content(entry.version);
  if (catalogue === undefined) counters.missingReleases++;
  else content.useCatalogue(catalogue);
}

function activateRates({ content, counters, releases }: ShardState, entry: Entry<"rates-activated">): void {
  if (entry.version <= content.ratesVersion) return;
  const rates = releases.rates(entry.version);
  if (rates === undefined) counters.missingReleases++;
  else content.useRates(entry.version, rates);
}

function activatePolicy(shard: ShardState, { version }: Entry<"policy-activated">): void {
  if (version <= shard.consent.policy.version) return;
  const rules = shard.releases.privacy(version);
  if (rules === undefined) shard.counters.missingReleases++;
  else shard.consent = rules;
}

/** The sums over all shards are told what runs by every shard, so that they know it before they hear of its units. */
function activateExperiments(
  { experiments, counters, releases }: ShardState,
  entry: Entry<"experiments-activated">,
  { sequence }: At,
  outcome: Outcome,
): void {
  if (entry.version <= experiments.version) return;
  const release = releases.experiments(entry.version);
  if (release === undefined) {
    counters.missingReleases++;
    return;
  }
  counters.missingReleases += experiments.use(release);
  const change: ExperimentChange = { kind: "defined", records: release.records };
  outcome.tallies.push({ sequence, index: 0, tally: "experiments", change });
}

function scorerUnder(encoder: string, published: PublishedProfiles): Scorer {
  if (published.encoder !== encoder)
    throw new VersionMismatch({ expected: encoder, actual: published.encoder });
  return prepareScorer(published);
}

function fits(published: PublishedProfiles, { maps }: SegmentDefinitions): boolean {
  const map = maps.find(({ name }) => name === published.map);
  const wanted = map?.segments.map((segment) => segment.name).join("\n");
  return published.profiles.map((profile) => profile.segment).join("\n") === wanted;
}

/** Whether definitions have a map for which members were not sampled yet. */
function asksForMore(before: SegmentDefinitions, after: SegmentDefinitions): boolean {
  return after.maps.some((map) => {
    const was = before.maps.find(({ name }) => ledgerKey(before, name) === ledgerKey(after, map.name));
    return JSON.stringify(was?.segments) !== JSON.stringify(map.segments);
  });
}
