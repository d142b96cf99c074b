import type { MessagePort } from "node:worker_threads";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { systemClock } from "./adapters/system-clock.ts";
import type { EncoderKind, TrainingProgress } from "./embedding/encoder-training.ts";
import { subjectsOf } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { featureDistribution } from "./features/feature-distribution.ts";
import { type GatheredHistories, gatherHistories, type HistorySource } from "./gather-histories.ts";
import { toWireError, type WireError } from "./kernel/engine-error.ts";
import { definitionsInForce } from "./member-histories.ts";
import {
  type RecalibrationResult,
  type RecalibrationTask,
  recalibrateMembers,
} from "./recalibration-task.ts";
import { consentInForce, releaseKeys } from "./releases.ts";
import type { Leaderboard } from "./resonance/evaluation/leaderboard.ts";
import { encodeReference } from "./resonance/fit-reference.ts";
import type { ReleaseReport } from "./resonance/fit-release.ts";
import { trainResumably } from "./resumable-training.ts";

/** What is to be trained, as `resonance train` asks for it. */
export type TrainingChoice = Readonly<{
  /** At least one; of several the best on held-out members is promoted. */
  encoders: readonly EncoderKind[];
  /** Compares with the baselines on held-out members. */
  leaderboard: boolean;
  source: HistorySource;
}>;

/** What a refit is, unless somebody trained otherwise: the encoder in closed form, from what shards hold anyway. */
export const DEFAULT_TRAINING: TrainingChoice = {
  encoders: ["linear"],
  leaderboard: false,
  source: "rings",
};

/** What a fit is started with. */
export type TrainingTask = Readonly<{
  nats: string;
  prefix: string;
  generation: number;
  shards: number;
  seed: number;
  /** Dimensions of the encoder at most. */
  dimMax: number;
  choice: TrainingChoice;
  /** Folder of the states of trainings under way. */
  checkpoints: string;
  /** Is sent {@link LabelledProgress}. */
  port?: MessagePort;
}>;

/** How far a training is, and of what. */
export type LabelledProgress = Readonly<{ label: string; progress: TrainingProgress }>;

export type TrainingResult =
  | Readonly<{
      kind: "fitted";
      encoder: string;
      encoderKind: EncoderKind;
      seed: number;
      report: ReleaseReport;
      /** Empty if nothing was compared. */
      leaderboards: readonly Leaderboard[];
      /** Shards read from each source, and events of the members. */
      read: Readonly<{ shards: GatheredHistories["shards"]; events: number }>;
    }>
  | Readonly<{ kind: "failed"; error: WireError }>;

/** Progress is told so often at most. */
const TELL_MS = 100;

/**
 * Gathers the members' histories from all shards, fits encoder and calibration, and stores both under the new
 * version. It activates nothing: that is the node's decision.
 */
export async function fitEncoder(task: TrainingTask): Promise<TrainingResult> {
  try {
    const connection = await connectNats({ servers: task.nats.split(","), name: "resonance training" });
    try {
      const subjects = subjectsOf(task.prefix, task.generation);
      const blobs = await natsBlobStore(connection, subjects);
      const { maps } = await definitionsInForce(blobs);
      const tell = teller(task.port);
      const gathered = await gatherHistories(
        { bus: natsBus(connection), log: await NatsLog.over(connection), subjects },
        {
          shards: task.shards,
          maps,
          consent: await consentInForce(blobs),
          source: task.choice.source,
          progress: (step, steps) => tell("histories", { stage: "read", step, steps }),
        },
      );
      const { encoders, leaderboard } = task.choice;
      const { kind, release, leaderboards } = await trainResumably(
        gathered.histories,
        maps,
        task.checkpoints,
        { encoders, leaderboard, seed: task.seed, dimMax: task.dimMax, onProgress: tell },
      );
      await blobs.put(releaseKeys.encoder(release.version), release.artefact);
      const users = gathered.histories.map(({ user }) => user);
      const reference = encodeReference(users, maps, release.heldOut);
      await blobs.put(releaseKeys.reference(release.version), reference);
      const calibrations = JSON.stringify(release.calibrations);
      // Copies of the profile actor read it at their own time: whatever is fitted later, it stays as it is.
      await blobs.create(releaseKeys.calibration(release.version), new TextEncoder().encode(calibrations));
      const { shards, events } = gathered;
      const { version: encoder, report } = release;
      const what = { encoder, encoderKind: kind, seed: task.seed, report, leaderboards };
      const distribution = JSON.stringify(featureDistribution(gathered.histories, FEATURES));
      const distributionKey = releaseKeys.distribution(release.version);
      await blobs.put(distributionKey, new TextEncoder().encode(distribution)); // What drift is measured against.
      const told = new TextEncoder().encode(JSON.stringify(report));
      await blobs.put(releaseKeys.report(release.version), told); // What `whatif` tells of it.
      // Kept beside the artefact: what it was promoted for can be looked up.
      if (leaderboards.length > 0)
        await blobs.put(
          releaseKeys.leaderboard(encoder),
          new TextEncoder().encode(JSON.stringify(leaderboards)),
        );
      return { kind: "fitted", ...what, read: { shards, events } };
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  } finally {
    task.port?.close();
  }
}

function teller(port: MessagePort | undefined): (label: string, progress: TrainingProgress) => void {
  let told = "";
  let toldMs = Number.NEGATIVE_INFINITY;
  return (label, progress) => {
    const nowMs = systemClock.monotonicMs();
    const stage = `${label} ${progress.stage} ${progress.part ?? 0}`;
    if (stage === told && nowMs - toldMs < TELL_MS) return;
    [told, toldMs] = [stage, nowMs];
    port?.postMessage({ label, progress } satisfies LabelledProgress);
  };
}

/** The other work of the same thread: {@link recalibrateMembers}. */
export function recalibrateEncoder(task: RecalibrationTask): Promise<RecalibrationResult> {
  return recalibrateMembers(task);
}
