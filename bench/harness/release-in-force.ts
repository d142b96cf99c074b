import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { releaseKeys } from "../../src/releases.ts";
import { benchAccess } from "./bench-access.ts";
import type { Deployment } from "./deployment.ts";
import { BENCH_MAP } from "./event-source.ts";
import { askShards } from "./shard-progress.ts";

/** What a deployment scores with, as it is stored: an encoder's artefact and published profiles. */
export type ReleaseInForce = Readonly<{ encoder: Uint8Array; profiles: readonly Uint8Array[] }>;

/** The encoder and the profiles that a deployment's shards score with, for a peer that does the same work; a node runs. */
export async function releaseInForce(deployment: Deployment): Promise<ReleaseInForce> {
  const { client, url, shards } = deployment;
  const [told] = await askShards(client.bus, client.subjects, shards);
  if (told === undefined) throw new Error("no shard tells what it scores with");
  const { encoder, profiles } = told.versions;
  const connection = await connectNats({ ...benchAccess(url), name: "resonance bench release" });
  try {
    const blobs = await natsBlobStore(connection, client.subjects);
    const read = async (key: string): Promise<Uint8Array> => {
      const bytes = await blobs.get(key);
      if (bytes === undefined) throw new Error(`${key} is not stored`);
      return bytes;
    };
    return {
      encoder: await read(releaseKeys.encoder(encoder)),
      profiles: [await read(releaseKeys.profiles(BENCH_MAP, profiles[BENCH_MAP] ?? 0))],
    };
  } finally {
    await connection.close();
  }
}
