import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { Log } from "./actors/log.ts";
import { newId } from "./adapters/entropy.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { systemClock } from "./adapters/system-clock.ts";
import type { ThreadPool } from "./adapters/thread-pool.ts";
import { encodeProfileControl } from "./events/profile-control.ts";
import type { Subjects } from "./events/subjects.ts";
import { EngineError, fromWireError, toWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { Report } from "./kernel/report.ts";
import { definitionsInForce } from "./member-histories.ts";
import type { ProfileStatus } from "./profiles/profile-messages.ts";
import type { RecalibrationResult, RecalibrationTask } from "./recalibration-task.ts";
import { releaseKeys } from "./releases.ts";
import { type LastCalibration, recalibrationStep } from "./resonance/recalibration-policy.ts";

/** Fits calibrations of the encoder in force, and puts them in force with the next publication. */
export type Recalibrator = Readonly<{
  calibrate(): Promise<RecalibrationResult>;
  /** Calibrates if it is time. */
  calibrateIfDue(everyMs: number): Promise<RecalibrationResult | undefined>;
}>;

const STATUS_TIMEOUT_MS = 5_000;
/** How often is looked whether a calibration is due, ms. */
const LOOK_MS = 5_000;
/** Pause after a failure, so that what fails is not tried every few seconds, ms. */
const FAILED_PAUSE_MS = 600_000;

/** The recalibrator of a node. One runs at a time: a second request is refused with `TRAINING_RUNS`. */
export function startRecalibrator(
  ports: Readonly<{ bus: Bus; log: Log; releases: BlobStore; compute: ThreadPool; subjects: Subjects }>,
  options: Readonly<{ nats: NatsAccess; prefix: string; generation: number; shards: number }>,
): Recalibrator {
  const { bus, log, releases, compute, subjects } = ports;
  let running = false;

  const profiles = async (): Promise<ProfileStatus> => {
    const subject = subjects.profileActor("status");
    return (await ask(bus, subject, {}, STATUS_TIMEOUT_MS)) as ProfileStatus;
  };

  const note = (last: LastCalibration): Promise<void> =>
    releases.put(releaseKeys.latestCalibration, encode(last));

  const calibrate = async (): Promise<RecalibrationResult> => {
    if (running) {
      const message = "calibrations are being fitted: wait for it to end";
      throw new EngineError({ code: "TRAINING_RUNS", message, retryable: true });
    }
    running = true;
    try {
      const { encoder, calibration, watermarkMs } = await profiles();
      if (encoder === "") {
        const message = "nobody has identified yet, so there are no members to calibrate on";
        throw new EngineError({ code: "TOO_FEW_MEMBERS", message, retryable: false });
      }
      const task: RecalibrationTask = { ...options, encoder, calibration };
      const result = await compute.run<RecalibrationTask, RecalibrationResult>("recalibrateEncoder", task);
      if (result.kind === "failed") return result;
      const control = { control: "calibrate", encoder, calibration: result.calibration } as const;
      // The same may be put in force again after others: no log may take that for a repeat.
      const id = `calibrate:${encoder}:${newId()}`;
      await log.append(subjects.samples, [{ id, data: encodeProfileControl(control) }]);
      const { maps } = await definitionsInForce(releases);
      const ofTraffic = maps.filter(({ prior }) => prior === "traffic").map(({ name }) => name);
      const isComplete = result.maps.every(({ map, traffic }) => traffic > 0 || !ofTraffic.includes(map));
      await note({ encoder, watermarkMs, atMs: systemClock.nowMs(), isComplete });
      return result;
    } finally {
      running = false;
    }
  };

  return {
    calibrate,
    async calibrateIfDue(everyMs) {
      if (running) return undefined;
      const { encoder, watermarkMs } = await profiles();
      const bytes = await releases.get(releaseKeys.latestCalibration);
      const last = bytes === undefined ? undefined : (decode(bytes) as LastCalibration);
      const { maps } = await definitionsInForce(releases);
      const hasTraffic = maps.some(({ prior }) => prior === "traffic");
      const nowMs = systemClock.nowMs();
      const step = recalibrationStep({ nowMs, encoder, watermarkMs, hasTraffic, last }, everyMs);
      if (step === "begin") await note({ encoder, watermarkMs, atMs: nowMs, isComplete: true });
      return step === "calibrate" ? calibrate() : undefined;
    },
  };
}

/** Looks now and then whether a calibration is due. @returns Ends it. */
export function recalibrationLoop(
  recalibrator: Recalibrator,
  everyMs: number,
  isOwner: () => boolean,
  report: Report,
): () => Promise<void> {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    let pauseMs = Math.min(LOOK_MS, everyMs);
    while (!stopping.signal.aborted) {
      await sleep(pauseMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      pauseMs = Math.min(LOOK_MS, everyMs);
      if (stopping.signal.aborted || !isOwner()) continue;
      try {
        const result = await recalibrator.calibrateIfDue(everyMs);
        if (result?.kind === "calibrated") report(told(result), { event: "calibration.fitted" });
        if (result?.kind === "failed") throw fromWireError(result.error);
      } catch (thrown) {
        const { code, message, retryable } = toWireError(thrown);
        if (stopping.signal.aborted || retryable || code === "NO_SEGMENTS") continue;
        pauseMs = FAILED_PAUSE_MS;
        // That there are not enough members yet is no failure.
        if (code !== "TOO_FEW_MEMBERS")
          report(`calibration postponed (${code}: ${message})`, {
            ...{ event: "calibration.postponed", level: "warn", code },
          });
      }
    }
  };
  const ended = loop();
  return async () => {
    stopping.abort();
    await ended;
  };
}

function told({ encoder, maps }: Extract<RecalibrationResult, { kind: "calibrated" }>): string {
  const each = maps.map(
    ({ map, before, after }) =>
      `${map} log-loss ${before.logLoss.toFixed(3)} to ${after.logLoss.toFixed(3)}, ECE ${before.ece.toFixed(3)} to ${after.ece.toFixed(3)}`,
  );
  return `encoder ${encoder.slice(0, 12)} calibrated: ${each.join("; ")}`;
}
