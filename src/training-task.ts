import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { subjectsOf } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { toWireError, type WireError } from "./kernel/engine-error.ts";
import { definitionsInForce, gatherHistories } from "./member-histories.ts";
import {
  type RecalibrationResult,
  type RecalibrationTask,
  recalibrateMembers,
} from "./recalibration-task.ts";
import { releaseKeys } from "./releases.ts";
import { encodeReference } from "./resonance/fit-reference.ts";
import { fitRelease, type ReleaseReport } from "./resonance/fit-release.ts";

/** What a fit is started with. */
export type TrainingTask = Readonly<{
  nats: string;
  prefix: string;
  generation: number;
  shards: number;
  seed: number;
  /** Dimensions of the encoder at most. */
  dimMax: number;
}>;

export type TrainingResult =
  | Readonly<{ kind: "fitted"; encoder: string; report: ReleaseReport }>
  | Readonly<{ kind: "failed"; error: WireError }>;

/**
 * Gathers the members' histories from all shards, fits encoder and calibration, and stores both under the new
 * version. It activates nothing: that is the node's decision.
 */
export async function fitEncoder(task: TrainingTask): Promise<TrainingResult> {
  try {
    const connection = await connectNats({ servers: task.nats.split(","), name: "resonance training" });
    try {
      const subjects = subjectsOf(task.prefix, task.generation);
      const bus = natsBus(connection);
      const blobs = await natsBlobStore(connection, subjects);
      const definitions = await definitionsInForce(blobs);
      const histories = await gatherHistories(bus, subjects, task.shards);
      const release = fitRelease(histories, definitions.maps, FEATURES, {
        seed: task.seed,
        dimMax: task.dimMax,
      });
      await blobs.put(releaseKeys.encoder(release.version), release.artefact);
      const users = histories.map(({ user }) => user);
      const reference = encodeReference(users, definitions.maps, release.heldOut);
      await blobs.put(releaseKeys.reference(release.version), reference);
      const calibrations = JSON.stringify(release.calibrations);
      // Copies of the profile actor read it at their own time: whatever is fitted later, it stays as it is.
      await blobs.create(releaseKeys.calibration(release.version), new TextEncoder().encode(calibrations));
      return { kind: "fitted", encoder: release.version, report: release.report };
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

/** The other work of the same thread: {@link recalibrateMembers}. */
export function recalibrateEncoder(task: RecalibrationTask): Promise<RecalibrationResult> {
  return recalibrateMembers(task);
}
