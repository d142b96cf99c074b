import { join } from "node:path";
import { systemClock } from "../../adapters/system-clock.ts";
import type { EncoderKind } from "../../embedding/encoder-training.ts";
import { FEATURES } from "../../features/all-families.ts";
import { featureDistribution } from "../../features/feature-distribution.ts";
import { encodeReference } from "../../resonance/fit-reference.ts";
import type { SegmentMap } from "../../resonance/segment-map.ts";
import { trainResumably } from "../../resumable-training.ts";
import { readRecording } from "../recording/read-recording.ts";
import type { MapLabel } from "../recording/segment-maps.ts";
import { progressLine } from "../view/progress-line.ts";
import { trainingLine } from "../view/training-line.ts";
import { type ReleaseFolder, writeReleaseFolder } from "./release-folder.ts";

/** What is trained from which files. */
export type OfflineTraining = Readonly<{
  eventsPath: string;
  usersPath: string;
  maps: readonly MapLabel[];
  usersMax?: number;
  /** Of the deployment that the encoder is for: all of its maps must be among `maps`, in its order. */
  definitions?: readonly SegmentMap[];
  encoders: readonly EncoderKind[];
  leaderboard: boolean;
  seed: number;
  dimMax: number;
  /** Where the encoder goes; the state of a training under way lies in its folder `checkpoints`. */
  out: string;
}>;

/**
 * Trains an encoder from files and writes it into a folder. A training that was broken off goes on where it was.
 *
 * @throws EngineError `EVENTS_FILE_UNREADABLE`, `NO_LABELS`, `TOO_FEW_MEMBERS`, `ENCODER_NOT_TRAINABLE`.
 */
export async function trainFromFiles(given: OfflineTraining): Promise<ReleaseFolder> {
  const { encoders, leaderboard, seed, dimMax, out } = given;
  const output = process.stderr;
  const reading = progressLine({ label: "read", unit: "events", output, clock: systemClock });
  const recording = await readRecording(given, (events, done) => reading.update(events, done));
  reading.end();
  const { histories, maps, events } = recording;
  const line = trainingLine(output, systemClock);
  const { kind, release, leaderboards } = await trainResumably(histories, maps, join(out, "checkpoints"), {
    ...{ encoders, leaderboard, seed, dimMax },
    onProgress: (label, progress) => line.update(label, progress),
  });
  line.end();
  const folder: ReleaseFolder = {
    manifest: {
      format: 1,
      version: release.version,
      kind,
      schema: FEATURES.version,
      seed,
      members: release.report.members,
      events,
      maps: maps.map(({ name, segments }) => ({ name, segments: segments.map((segment) => segment.name) })),
      date: new Date(systemClock.nowMs()).toISOString(),
      heldOut: release.report.heldOut,
    },
    artefact: release.artefact,
    calibration: new TextEncoder().encode(JSON.stringify(release.calibrations)),
    reference: encodeReference(
      histories.map(({ user }) => user),
      maps,
      release.heldOut,
    ),
    distribution: new TextEncoder().encode(JSON.stringify(featureDistribution(histories, FEATURES))),
    leaderboards,
  };
  await writeReleaseFolder(out, folder);
  return folder;
}
