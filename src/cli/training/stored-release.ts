import type { BlobStore } from "../../actors/blob-store.ts";
import { natsBlobStore } from "../../adapters/nats-blob-store.ts";
import { connectNats } from "../../adapters/nats-connection.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { releaseKeys } from "../../releases.ts";
import type { SegmentDefinitions } from "../../resonance/segment-map.ts";
import type { Client } from "../client.ts";
import type { ReleaseFolder } from "./release-folder.ts";

/** Does something with a cluster's store of releases. */
export async function withReleases<Result>(
  client: Client,
  work: (releases: BlobStore) => Promise<Result>,
): Promise<Result> {
  const connection = await connectNats({ ...client.access, name: "resonance train" });
  try {
    return await work(await natsBlobStore(connection, client.subjects));
  } finally {
    await connection.close();
  }
}

/**
 * Puts an encoder with its calibration into a cluster's store, if it is made for the segments in force there.
 *
 * @throws EngineError `RELEASE_MISMATCH` if it was trained for other maps or segments.
 */
export async function storeRelease(
  releases: BlobStore,
  definitions: SegmentDefinitions,
  { manifest, artefact, calibration, reference, distribution }: ReleaseFolder,
): Promise<void> {
  const shape = (maps: readonly Readonly<{ name: string; segments: readonly string[] }>[]): string =>
    maps.map(({ name, segments }) => `${name}: ${segments.join(", ")}`).join("; ");
  const trained = shape(manifest.maps);
  const inForce = shape(
    definitions.maps.map(({ name, segments }) => ({
      name,
      segments: segments.map((segment) => segment.name),
    })),
  );
  if (trained !== inForce) {
    const message = `the encoder was trained for other segments (${trained}) than are in force (${inForce}): put those, or train for these`;
    throw new EngineError({ code: "RELEASE_MISMATCH", message, retryable: false });
  }
  await releases.put(releaseKeys.encoder(manifest.version), artefact);
  // Whoever reads it does so at their own time: it stays as it was first written.
  await releases.create(releaseKeys.calibration(manifest.version), calibration);
  await releases.put(releaseKeys.reference(manifest.version), reference);
  await releases.put(releaseKeys.distribution(manifest.version), distribution);
  const report = JSON.stringify({ members: manifest.members, heldOut: manifest.heldOut });
  await releases.put(releaseKeys.report(manifest.version), new TextEncoder().encode(report));
}

/**
 * An encoder and its calibration, as a cluster's store holds them.
 *
 * @throws EngineError `ENCODER_UNKNOWN` if it is not there.
 */
export async function storedRelease(
  releases: BlobStore,
  encoder: string,
): Promise<Pick<ReleaseFolder, "artefact" | "calibration" | "reference" | "distribution">> {
  const artefact = await releases.get(releaseKeys.encoder(encoder));
  const calibration = await releases.get(releaseKeys.calibration(encoder));
  const reference = await releases.get(releaseKeys.reference(encoder));
  const distribution = await releases.get(releaseKeys.distribution(encoder));
  if (
    artefact !== undefined &&
    calibration !== undefined &&
    reference !== undefined &&
    distribution !== undefined
  )
    return { artefact, calibration, reference, distribution };
  const message = `the encoder ${encoder} is not in the store with all that belongs to it`;
  throw new EngineError({ code: "ENCODER_UNKNOWN", message, retryable: false });
}
