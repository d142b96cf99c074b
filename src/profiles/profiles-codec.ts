import { EngineError } from "../kernel/engine-error.ts";
import { withoutQuotes } from "../kernel/without-quotes.ts";
import type { Calibration, FittedCalibration, PublishedProfiles } from "../resonance/published-profiles.ts";

const MAGIC = 0x52504631; // "RPF1"
const HEAD_BYTES = 8;

/** The JSON part: everything but the centroids. Infinity is written as null. */
type Header = Omit<PublishedProfiles, "profiles" | "calibration" | "contextTable"> &
  Readonly<{
    profiles: readonly Readonly<{ segment: string; members: number }>[];
    calibration: StoredCalibration;
  }>;

/** A calibration as JSON: the last bin's end, Infinity, is null. */
export type StoredCalibration<Kind extends Calibration = Calibration> = Omit<Kind, "depthEnds"> &
  Readonly<{ depthEnds: readonly (number | null)[] }>;

/**
 * Where an encoder's calibrations are stored, as JSON.
 *
 * @param calibration - Name of later ones; empty for those that came with the encoder.
 */
export function calibrationKey(encoder: string, calibration: string): string {
  return calibration === "" ? `calibration.${encoder}` : `calibration.${encoder}.${calibration}`;
}

/** Profiles as bytes: magic, length of the JSON header, header, centroids as float32, little-endian. */
export function encodeProfiles(published: PublishedProfiles): Uint8Array {
  const { profiles, contextTable: _, ...rest } = published;
  const header = { ...rest, profiles: profiles.map(({ segment, members }) => ({ segment, members })) };
  const json = new TextEncoder().encode(JSON.stringify(header)); // JSON writes Infinity as null by itself.
  const bytes = new Uint8Array(HEAD_BYTES + json.length + profiles.length * published.dim * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  bytes.set(json, HEAD_BYTES);
  let at = HEAD_BYTES + json.length;
  for (const { centroid } of profiles) {
    for (let i = 0; i < published.dim; i++, at += 4) view.setFloat32(at, centroid[i] ?? 0, true);
  }
  return bytes;
}

/**
 * The profiles that {@link encodeProfiles} packed, in memory of their own.
 *
 * @throws EngineError `PROFILES_CORRUPT`.
 */
export function decodeProfiles(bytes: Uint8Array): PublishedProfiles {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== MAGIC) throw new Error("the magic number is missing");
    const length = view.getUint32(4, true);
    const json = new TextDecoder("utf-8", { fatal: true }).decode(
      bytes.subarray(HEAD_BYTES, HEAD_BYTES + length),
    );
    const header = JSON.parse(json) as Header;
    let at = HEAD_BYTES + length;
    if (bytes.byteLength !== at + header.profiles.length * header.dim * 4)
      throw new Error("the length does not fit");
    const profiles = header.profiles.map(({ segment, members }) => {
      const centroid = new Float32Array(header.dim);
      for (let i = 0; i < header.dim; i++, at += 4) centroid[i] = view.getFloat32(at, true);
      return { segment, members, centroid };
    });
    return { ...header, profiles, calibration: readCalibration(header.calibration) };
  } catch (cause) {
    const message = `published profiles can't be read: ${withoutQuotes(cause)}`;
    throw new EngineError({ code: "PROFILES_CORRUPT", message, retryable: false, cause });
  }
}

/** A calibration from JSON. */
export function readCalibration(stored: StoredCalibration<FittedCalibration>): FittedCalibration {
  return { ...stored, depthEnds: stored.depthEnds.map((end) => end ?? Number.POSITIVE_INFINITY) };
}
