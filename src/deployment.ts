import type { BlobStore } from "./actors/blob-store.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import { releaseKeys } from "./releases.ts";

/** What is fixed for all nodes of a deployment. */
export type Deployment = Readonly<{
  /** Number of shards: it decides where each user's log is. */
  shards: number;
  /** Grows with each resharding. */
  generation: number;
  /** Set while shards are split: no node may run meanwhile. */
  resharding?: boolean;
  /** The backup that is being restored: no node may run before all of it is there. */
  restoring?: string;
}>;

/** The deployment as it was created; undefined before. */
export async function readDeployment(blobs: BlobStore): Promise<Deployment | undefined> {
  const bytes = await blobs.get(releaseKeys.deployment);
  return bytes === undefined ? undefined : { generation: 1, ...(decode(bytes) as { shards: number }) };
}

/** Writes the deployment. */
export function writeDeployment(blobs: BlobStore, deployment: Deployment): Promise<void> {
  return blobs.put(releaseKeys.deployment, encode(deployment));
}

/**
 * Creates the deployment, or checks that it is as the node expects it.
 *
 * @throws EngineError `SHARDS_FIXED` if it was created with another number of shards; `RESHARDING`, `RESTORING` (retryable).
 */
export async function keepDeployment(blobs: BlobStore, shards: number): Promise<Deployment> {
  const fresh: Deployment = { shards, generation: 1 };
  if (await blobs.create(releaseKeys.deployment, encode(fresh))) return fresh;
  const held = (await readDeployment(blobs)) ?? fresh;
  if (held.resharding === true) {
    const message =
      "its shards are being split: wait for `resonance reshard` to end, or run it again if it was cut off";
    throw new EngineError({ code: "RESHARDING", message, retryable: true });
  }
  if (held.restoring !== undefined) {
    const message =
      "a backup is being restored: wait for `resonance restore` to end, or run it again if it was cut off";
    throw new EngineError({ code: "RESTORING", message, retryable: true });
  }
  if (held.shards === shards) return held;
  const message = `this deployment has ${held.shards} shards: start it with --shards ${held.shards}`;
  const detail = { created: held.shards, asked: shards };
  throw new EngineError({ code: "SHARDS_FIXED", message, retryable: false, detail });
}
