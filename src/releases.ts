import type { BlobStore } from "./actors/blob-store.ts";
import { readCurrent } from "./actors/raise-pointer.ts";
import { readJson } from "./actors/read-json.ts";
import type { ContentCatalogue } from "./content/catalogue.ts";
import { decodeRatesRelease, type RatesRelease } from "./content/rates-release.ts";
import { decodeEncoder } from "./embedding/decode-encoder.ts";
import type { Encoder } from "./embedding/encoder.ts";
import { untrainedEncoder } from "./embedding/untrained-encoder.ts";
import type { ExperimentRecords } from "./experiments/experiment-records.ts";
import { type ArmModel, armEncoder, type ExperimentRelease } from "./experiments/experiment-release.ts";
import { FEATURES } from "./features/all-families.ts";
import { assert } from "./kernel/assert.ts";
import type { HalfSipKey } from "./kernel/half-sip-hash.ts";
import { ConsentRules, DEFAULT_RULES } from "./privacy/consent/consent-rules.ts";
import type { PrivacyPolicy } from "./privacy/consent/policy.ts";
import {
  calibrationKey,
  decodeProfiles,
  readCalibration,
  type StoredCalibration,
} from "./profiles/profiles-codec.ts";
import type { ContextTable } from "./resonance/cold-start/context-table.ts";
import { contextTableOf } from "./resonance/cold-start/context-table-of.ts";
import type { FittedCalibration, PublishedProfiles } from "./resonance/published-profiles.ts";
import type { SegmentDefinitions } from "./resonance/segment-map.ts";

/** What control entries of the log name by version, fetched and decoded. */
export type Releases = Readonly<{
  encoder(version: string): Promise<Encoder | undefined>;
  profiles(map: string, version: number): Promise<PublishedProfiles | undefined>;
  segments(version: number): Promise<SegmentDefinitions | undefined>;
  content(version: number): Promise<ContentCatalogue | undefined>;
  rates(version: number): Promise<RatesRelease | undefined>;
  experiments(version: number): Promise<ExperimentRelease | undefined>;
  privacy(version: number): Promise<ConsentRules | undefined>;
}>;

/** Keys of releases in the {@link BlobStore}. */
export const releaseKeys = {
  encoder: (version: string) => `encoders.${version}`,
  calibration: (encoder: string, name = "") => calibrationKey(encoder, name),
  /** What a later calibration needs of the encoder's fit. */
  reference: (encoder: string) => `reference.${encoder}`,
  leaderboard: (encoder: string) => `leaderboard.${encoder}`,
  /** How the features of those were spread that an encoder was fitted on. */
  distribution: (encoder: string) => `distribution.${encoder}`,
  driftHistory: "drift.history",
  driftLatest: "drift.latest",
  report: (encoder: string) => `report.${encoder}`,
  profiles: (map: string, version: number) => `profiles.${map}.${version}`,
  segments: (version: number) => `segments.${version}`,
  content: (version: number) => `content.${version}`,
  rates: (version: number) => `rates.${version}`,
  experiments: (version: number) => `experiments.${version}`,
  privacy: (version: number) => `privacy.${version}`,
  armProfiles: (experiment: string, encoder: string) => `arm-profiles.${experiment}.${encoder}`,
  currentSegments: "segments.current",
  latestFit: "fit.latest",
  latestCalibration: "calibrated.latest",
  deployment: "deployment",
  decisionKey: "decisions.key",
  generation: (number: number) => `generations.${number}`,
};

/** The policy of consent in force; the engine's own before any is put. */
export async function consentInForce(blobs: BlobStore): Promise<ConsentRules> {
  const policy = await readCurrent<PrivacyPolicy>(blobs, "privacy");
  return policy === undefined ? DEFAULT_RULES : new ConsentRules(policy);
}

/** The next number that nobody has taken: whoever makes its key has it. */
export async function nextGeneration(blobs: BlobStore): Promise<number> {
  for (let number = 0; ; number++) {
    const key = releaseKeys.generation(number);
    if ((await blobs.get(key)) === undefined && (await blobs.create(key, NOTHING))) return number;
  }
}

const NOTHING = new Uint8Array();
const DECISION_KEY_BYTES = 8;

/**
 * What the ids of this deployment's answers are sealed with: the same for all of its nodes, for ever.
 *
 * @param random - So many bytes of entropy; the first node that asks makes the key of them.
 */
export async function decisionKeyOf(
  blobs: BlobStore,
  random: (bytes: number) => Uint8Array,
): Promise<HalfSipKey> {
  const key = releaseKeys.decisionKey;
  const held = await blobs.get(key);
  if (held === undefined) await blobs.create(key, random(DECISION_KEY_BYTES));
  const bytes = held ?? (await blobs.get(key));
  assert(bytes?.length === DECISION_KEY_BYTES, "the key of the decisions has eight bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

/** Releases over a blob store; encoders are kept, since every context of a thread shares one. */
export function releasesOf(blobs: BlobStore): Releases {
  const untrained = untrainedEncoder(FEATURES);
  const encoders = new Map<string, Encoder>([[untrained.version, untrained]]);
  const encoderOf = async (version: string): Promise<Encoder | undefined> => {
    const held = encoders.get(version);
    if (held !== undefined) return held;
    const bytes = await blobs.get(releaseKeys.encoder(version));
    if (bytes === undefined) return undefined;
    const encoder = decodeEncoder(bytes, FEATURES);
    encoders.set(version, encoder);
    return encoder;
  };
  const tables = new ContextTables(blobs);
  return {
    encoder: encoderOf,
    async profiles(map, version) {
      const bytes = await blobs.get(releaseKeys.profiles(map, version));
      return bytes === undefined ? undefined : tables.withTable(decodeProfiles(bytes));
    },
    async segments(version) {
      const bytes = await blobs.get(releaseKeys.segments(version));
      return bytes === undefined
        ? undefined
        : (JSON.parse(new TextDecoder().decode(bytes)) as SegmentDefinitions);
    },
    async experiments(version) {
      const records = await readJson<ExperimentRecords>(blobs, releaseKeys.experiments(version));
      if (records === undefined) return undefined;
      const models = new Map<string, ArmModel>();
      for (const { experiment, stoppedMs } of records.experiments) {
        const named = armEncoder(experiment);
        if (named === undefined || stoppedMs !== undefined) continue;
        const encoder = await encoderOf(named);
        const bytes = await blobs.get(releaseKeys.armProfiles(experiment.name, named));
        if (encoder === undefined || bytes === undefined) continue; // Who puts it in force counts it as missing.
        models.set(experiment.name, { encoder, profiles: decodeProfiles(bytes) });
      }
      return { records, models };
    },
    async privacy(version) {
      const policy = await readJson<PrivacyPolicy>(blobs, releaseKeys.privacy(version));
      return policy === undefined ? undefined : new ConsentRules(policy);
    },
    content: (version) => readJson<ContentCatalogue>(blobs, releaseKeys.content(version)),
    async rates(version) {
      const bytes = await blobs.get(releaseKeys.rates(version));
      return bytes === undefined ? undefined : decodeRatesRelease(bytes);
    },
  };
}

/** Tables of context priors kept: a map or two of what is in force, of what was, and of what is to be. */
const TABLES_MAX = 64;

/** What contexts tell lies with the calibrations: a publication, of which there is one every few seconds, only names them. */
class ContextTables {
  readonly #blobs: Pick<BlobStore, "get">;
  /** By where the calibration lies, and the map. What lies there never changes. */
  readonly #tables = new Map<string, ContextTable>();

  constructor(blobs: Pick<BlobStore, "get">) {
    this.#blobs = blobs;
  }

  /** The profiles with the table that their calibration needs; undefined if that is not there (any more). */
  async withTable(published: PublishedProfiles): Promise<PublishedProfiles | undefined> {
    const { calibration, fittedIn, map } = published;
    if (calibration.contextPrior === undefined || fittedIn === undefined) return published;
    const name = `${fittedIn} ${map}`;
    let contextTable = this.#tables.get(name);
    if (contextTable === undefined) {
      type Stored = readonly StoredCalibration<FittedCalibration>[] | undefined;
      const stored = (await readJson(this.#blobs, fittedIn)) as Stored;
      contextTable = contextTableOf(published, stored?.map(readCalibration) ?? []);
      if (contextTable === undefined) return undefined;
      if (this.#tables.size >= TABLES_MAX) this.#tables.clear();
      this.#tables.set(name, contextTable);
    }
    return { ...published, contextTable };
  }
}
