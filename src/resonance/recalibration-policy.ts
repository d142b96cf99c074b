/** When a calibration was made last, or when its encoder was first seen. */
export type LastCalibration = Readonly<{
  encoder: string;
  /** Event time of the newest sample of a member then, epoch ms. */
  watermarkMs: number;
  atMs: number;
  /** False if the traffic's shares of a map could not be told yet. */
  isComplete: boolean;
}>;

export type RecalibrationState = Readonly<{
  nowMs: number;
  encoder: string;
  watermarkMs: number;
  /** Whether a map starts from the traffic's shares, which no fit of an encoder can tell. */
  hasTraffic: boolean;
  last: LastCalibration | undefined;
}>;

/** Pause before the traffic's shares are asked for again, ms. */
const INCOMPLETE_MS = 600_000;

/**
 * Whether calibrations are worth fitting again: after so long a time if members did anything meanwhile. An encoder that is new
 * has calibrations as new as it is, so its time begins; but the traffic's shares it has to learn at once.
 *
 * @param everyMs - Shortest time between two, ms.
 */
export function recalibrationStep(
  state: RecalibrationState,
  everyMs: number,
): "wait" | "begin" | "calibrate" {
  const { nowMs, encoder, watermarkMs, hasTraffic, last } = state;
  if (encoder === "" || watermarkMs === 0) return "wait";
  if (last === undefined || last.encoder !== encoder) return hasTraffic ? "calibrate" : "begin";
  const isIncomplete = hasTraffic && !last.isComplete;
  if (isIncomplete && nowMs - last.atMs >= Math.min(everyMs, INCOMPLETE_MS)) return "calibrate";
  return nowMs - last.atMs >= everyMs && watermarkMs > last.watermarkMs ? "calibrate" : "wait";
}
