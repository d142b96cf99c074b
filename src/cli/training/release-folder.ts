import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeEncoder } from "../../embedding/decode-encoder.ts";
import type { EncoderKind } from "../../embedding/encoder-training.ts";
import { FEATURES } from "../../features/all-families.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { Leaderboard } from "../../resonance/evaluation/leaderboard.ts";
import type { ReleaseReport } from "../../resonance/fit-release.ts";

/** What a folder says of the encoder in it. */
export type ReleaseManifest = Readonly<{
  format: 1;
  /** The encoder's version: a hash of its weights, feature schema and normaliser. */
  version: string;
  kind: EncoderKind;
  /** The feature schema's version. */
  schema: string;
  seed: number;
  /** Members and background users fitted on, and their events. */
  members: number;
  events: number;
  maps: readonly Readonly<{ name: string; segments: readonly string[] }>[];
  /** ISO 8601. */
  date: string;
  heldOut: ReleaseReport["heldOut"];
}>;

/** A trained encoder as files: what {@link writeReleaseFolder} wrote. */
export type ReleaseFolder = Readonly<{
  manifest: ReleaseManifest;
  artefact: Uint8Array;
  /** JSON of the calibrations, as bytes. */
  calibration: Uint8Array;
  /** What a later calibration needs of the fit, as bytes. */
  reference: Uint8Array;
  /** JSON of how the features of those fitted on were spread, as bytes: what drift is measured against. */
  distribution: Uint8Array;
  leaderboards: readonly Leaderboard[];
}>;

const FILES = {
  artefact: "encoder.bin",
  calibration: "calibration.json",
  reference: "reference.bin",
  distribution: "distribution.json",
  leaderboards: "leaderboard.json",
  manifest: "manifest.json",
} as const;

/** Writes a trained encoder into a folder, the manifest last: a folder without one is not whole. */
export async function writeReleaseFolder(folder: string, release: ReleaseFolder): Promise<void> {
  await mkdir(folder, { recursive: true });
  const put = async (name: string, data: Uint8Array | string): Promise<void> => {
    const path = join(folder, name);
    await writeFile(`${path}.part`, data);
    await rename(`${path}.part`, path);
  };
  await put(FILES.artefact, release.artefact);
  await put(FILES.calibration, release.calibration);
  await put(FILES.reference, release.reference);
  await put(FILES.distribution, release.distribution);
  await put(FILES.leaderboards, `${JSON.stringify(release.leaderboards, undefined, 2)}\n`);
  await put(FILES.manifest, `${JSON.stringify(release.manifest, undefined, 2)}\n`);
}

/**
 * Reads a trained encoder back, and makes sure that this build can serve it.
 *
 * @throws EngineError `RELEASE_UNREADABLE` if files are missing, damaged or of different encoders; `ARTEFACT_CORRUPT`
 * or `SCHEMA_MISMATCH` if the encoder can't serve here.
 */
export async function readReleaseFolder(folder: string): Promise<ReleaseFolder> {
  let manifest: ReleaseManifest;
  let artefact: Uint8Array;
  let calibration: Uint8Array;
  let reference: Uint8Array;
  let distribution: Uint8Array;
  let leaderboards: readonly Leaderboard[];
  try {
    manifest = JSON.parse(await readFile(join(folder, FILES.manifest), "utf8"));
    artefact = new Uint8Array(await readFile(join(folder, FILES.artefact)));
    calibration = new Uint8Array(await readFile(join(folder, FILES.calibration)));
    reference = new Uint8Array(await readFile(join(folder, FILES.reference)));
    distribution = new Uint8Array(await readFile(join(folder, FILES.distribution)));
    for (const json of [calibration, distribution]) JSON.parse(new TextDecoder().decode(json));
    leaderboards = JSON.parse(await readFile(join(folder, FILES.leaderboards), "utf8"));
  } catch (cause) {
    throw unreadable(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (manifest.format !== 1) throw unreadable(folder, `its format is ${manifest.format} instead of 1`);
  const { version } = decodeEncoder(artefact, FEATURES);
  if (version !== manifest.version)
    throw unreadable(folder, `its manifest names encoder ${manifest.version}, its file holds ${version}`);
  return { manifest, artefact, calibration, reference, distribution, leaderboards };
}

function unreadable(folder: string, reason: string, cause?: unknown): EngineError {
  const message = `${folder} holds no trained encoder (${reason}): write one with "resonance train --out ${folder}"`;
  return new EngineError({ code: "RELEASE_UNREADABLE", message, retryable: false, cause });
}
