import { FEATURES } from "./features/all-families.ts";
import { contextSchema } from "./shards/context-codec.ts";
import type { NodeBuild } from "./supervisor/node-build.ts";

/**
 * What this build writes and reads where nodes meet. Who changes one of these raises its number: first a release that reads both, then
 * one that writes the new one (docs/operations.md, "Upgrades").
 */
export function nodeBuild(version: string): NodeBuild {
  return {
    version,
    formats: {
      /** Entries of shards' logs, and kinds of controls in them: src/events/log-codec.ts. */
      log: { writes: 1, reads: [1, 1] },
      /** Samples on their way to the profiles: src/profiles/read-sample-message.ts. */
      samples: { writes: 1, reads: [1, 1] },
      /** Manifests and chunks of snapshots: src/actors/snapshot-manifest.ts, src/shards/snapshot-codec.ts. */
      snapshots: { writes: 1, reads: [1, 1] },
      /** Encoders, profiles, definitions: src/releases.ts. */
      releases: { writes: 1, reads: [1, 1] },
      /** Records of the cluster's table, and what nodes ask each other. */
      cluster: { writes: 1, reads: [1, 1] },
    },
    // Copies are compared, and restored from each other's snapshots: all fold the same features.
    same: { contexts: contextSchema(FEATURES) },
  };
}
