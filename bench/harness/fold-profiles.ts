import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { deploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBits, entropyBytes } from "../../src/adapters/entropy.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { replicasFor } from "../../src/adapters/nats-cluster.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { systemClock } from "../../src/adapters/system-clock.ts";
import type { Subjects } from "../../src/events/subjects.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { readOnlyLog } from "./read-only-log.ts";

const LOOK_MS = 20;

/** Folds the samples of a deployment as they are now, once and from the beginning, and publishes nothing. */
export async function foldProfiles(
  connection: NatsConnection,
  subjects: Subjects,
  shards: number,
): Promise<ProfileStore> {
  const replicas = await replicasFor(connection);
  const log = await NatsLog.over(connection, { replicas });
  const store = memoryProfileStore();
  const releases = await natsBlobStore(connection, subjects, { replicas });
  const keys = await deploymentKeys(releases, entropyBytes);
  const host = await startProfileHost(
    {
      log: readOnlyLog(log),
      bus: memoryBus(),
      releases,
      store,
      clock: systemClock,
      sleep: (ms) => sleep(ms),
      subjects,
      bits: entropyBits(),
      hashUser: userHasher(keys.lasting("erased-users")),
    },
    { shards, publishEveryMs: Number.POSITIVE_INFINITY },
  );
  const { last } = await log.bounds(subjects.samples);
  const failed = host.done.then(() => {
    throw new Error("the fold ended before the samples did");
  });
  failed.catch(() => {}); // It ends with the host.
  while ((store.meta()?.applied ?? 0) < last) await Promise.race([sleep(LOOK_MS), failed]);
  await host.stop();
  return store;
}

/** What a store of profiles holds, by name: its meta, and of each segment's sums a digest of their bytes. */
export function profileContentOf(store: ProfileStore): Map<string, string> {
  const meta = store.meta();
  const content = new Map([["meta", JSON.stringify(meta)]]);
  for (const encoder of [meta?.encoder ?? "", meta?.candidate ?? ""]) {
    if (encoder === "") continue;
    for (const [key, bytes] of store.sums(encoder))
      content.set(`sums of ${key} under ${encoder}`, createHash("sha1").update(bytes).digest("base64"));
  }
  return content;
}
