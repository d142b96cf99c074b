import type { LogEntry } from "../events/log-entry.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { DEFAULT_RULES } from "../privacy/consent/consent-rules.ts";
import { prepareScorer, priorScorer, type Scorer } from "../resonance/scorer.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import type { ShardMeta } from "./context-store.ts";
import type { ReleaseSource } from "./releases.ts";
import { NO_DEFINITIONS, type ShardState, useDefinitions, useEncoder, useScorers } from "./shard-state.ts";

/**
 * Puts in force what was in force as of a commit.
 *
 * @throws EngineError `RELEASE_MISSING` (retryable) if the encoder is not there (any more).
 */
export async function restoreVersions(
  state: ShardState,
  meta: ShardMeta,
  releases: ReleaseSource,
): Promise<void> {
  const encoder = await releases.encoder(meta.encoder);
  if (encoder === undefined) throw encoderMissing(meta.encoder, state.shard);
  useEncoder(state, encoder, meta.stateKey);
  await restoreWarmUps(state, meta, releases);
  state.encoderOrder = meta.encoderOrder;
  const definitions = meta.segments === 0 ? NO_DEFINITIONS : await releases.segments(meta.segments);
  state.scorers = [];
  useDefinitions(state, definitions ?? NO_DEFINITIONS);
  state.activatedMs.clear();
  for (const [map, atMs] of Object.entries(meta.activatedMs)) state.activatedMs.set(map, atMs);
  const storedScorer = async (map: SegmentMap): Promise<Scorer> => {
    const version = meta.profiles[map.name] ?? 0;
    const published = version === 0 ? undefined : await releases.profiles(map.name, version);
    const isUsable = published?.encoder === encoder.version;
    return published === undefined || !isUsable ? priorScorer(map, encoder) : prepareScorer(published);
  };
  useScorers(state, await Promise.all(state.definitions.maps.map(storedScorer)));
  await restoreContent(state, meta, releases);
  await restoreExperiments(state, meta, releases);
  await restoreConsent(state, meta, releases);
}

/** Feedback is judged by these: without them a fold would come to other contexts than its peers. */
async function restoreContent(
  { content, shard }: ShardState,
  { content: catalogueVersion, rates: ratesVersion }: ShardMeta,
  releases: ReleaseSource,
): Promise<void> {
  content.clear();
  if (catalogueVersion !== undefined) {
    const catalogue = await releases.content(catalogueVersion);
    if (catalogue === undefined) throw missing(`catalogue ${catalogueVersion} of contents`, shard);
    content.useCatalogue(catalogue);
  }
  if (ratesVersion !== undefined) {
    const rates = await releases.rates(ratesVersion);
    if (rates === undefined) throw missing(`release ${ratesVersion} of the rates`, shard);
    content.useRates(ratesVersion, rates);
  }
}

/** As for contents: what is counted in contexts depends on them. */
async function restoreExperiments(
  { experiments, shard }: ShardState,
  { experiments: version }: ShardMeta,
  releases: ReleaseSource,
): Promise<void> {
  experiments.clear();
  if (version === undefined) return;
  const release = await releases.experiments(version);
  if (release === undefined) throw missing(`version ${version} of the experiments`, shard);
  experiments.use(release);
}

/** Without it, what users refused would be kept. */
async function restoreConsent(
  state: ShardState,
  { privacy: version }: ShardMeta,
  releases: ReleaseSource,
): Promise<void> {
  const rules = version === undefined ? DEFAULT_RULES : await releases.privacy(version);
  if (rules === undefined) throw missing(`policy ${version} of consent`, state.shard);
  state.consent = rules;
}

async function restoreWarmUps(
  state: ShardState,
  { warmUps = [], nextSegments }: ShardMeta,
  releases: ReleaseSource,
): Promise<void> {
  state.shadows.clear();
  state.warmUps.length = 0;
  for (const stored of warmUps) {
    const encoder = stored.kind === "encoder" ? await releases.encoder(stored.version) : undefined;
    if (stored.kind === "encoder" && encoder === undefined) throw encoderMissing(stored.version, state.shard);
    state.warmUps.push({ ...stored, encoder });
    if (encoder !== undefined) state.shadows.begin(encoder);
  }
  state.nextDefinitions = nextSegments === undefined ? undefined : await releases.segments(nextSegments);
}

function encoderMissing(version: string, shard: number): EngineError {
  return missing(`encoder ${version}`, shard);
}

function missing(release: string, shard: number): EngineError {
  const message = `${release} of shard ${shard} is not in the artefact store`;
  return new EngineError({ code: "RELEASE_MISSING", message, retryable: true });
}

/** What profiles were in force, and could not be restored; undefined if all were. */
export function missingProfiles({ scorers }: ShardState, { profiles }: ShardMeta): string | undefined {
  const missing = scorers.find(({ map, version }) => version !== (profiles[map] ?? 0));
  return missing === undefined ? undefined : `profiles v${profiles[missing.map]} of ${missing.map}`;
}

/** Fetches what a control entry names, since the fold never waits. */
export async function fetchFor(
  entry: LogEntry,
  fetched: ShardState["releases"],
  source: ReleaseSource,
): Promise<void> {
  if (entry.kind === "encoder-prepared") await fetched.fetchEncoder(source, entry.encoder);
  if (entry.kind === "segments-prepared") await fetched.fetchSegments(source, entry.version);
  if (entry.kind === "segments-activated") {
    await fetched.fetchSegments(source, entry.version);
    for (const [map, version] of Object.entries(entry.profiles ?? {}))
      await fetched.fetchProfiles(source, map, version);
  }
  if (entry.kind === "content-activated") await fetched.fetchContent(source, entry.version);
  if (entry.kind === "rates-activated") await fetched.fetchRates(source, entry.version);
  if (entry.kind === "experiments-activated") await fetched.fetchExperiments(source, entry.version);
  if (entry.kind === "policy-activated") await fetched.fetchPrivacy(source, entry.version);
  if (entry.kind === "profiles-activated") await fetched.fetchProfiles(source, entry.map, entry.version);
  if (entry.kind === "encoder-activated") {
    await fetched.fetchEncoder(source, entry.encoder);
    for (const [map, version] of Object.entries(entry.profiles))
      await fetched.fetchProfiles(source, map, version);
  }
}
