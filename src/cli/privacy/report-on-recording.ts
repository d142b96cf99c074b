import { entropyBits } from "../../adapters/entropy.ts";
import { FEATURES } from "../../features/all-families.ts";
import { trainRelease } from "../../resonance/train-release.ts";
import { splitHistories } from "../evaluate/evaluate-static.ts";
import type { SplitRule } from "../evaluate/split.ts";
import { note } from "../output.ts";
import { readRecording } from "../recording/read-recording.ts";
import type { MapLabel } from "../recording/segment-maps.ts";
import { type PrivateOptions, type PrivateQuality, privateQuality } from "./private-quality.ts";

/** What privacy costs on recorded events; what `resonance privacy report EVENTS USERS --json` prints. */
export type PrivateRecording = Readonly<{
  events: number;
  delta: number;
  buckets: number;
  contributions: number;
  draws: number;
  /** One for each split of each map. */
  splits: readonly (PrivateQuality & Readonly<{ seed: number }>)[];
}>;

/** How the noise is drawn, and users are split. */
export type RecordingOptions = Omit<PrivateOptions, "bits"> &
  Readonly<{
    split: Readonly<{ kind: "hash" }> | Readonly<{ kind: "block"; size: number }>;
    seed: number;
    seeds: number;
    dimMax: number;
  }>;

/**
 * Fits the linear encoder on members, as `evaluate` does, and tells masked users at the end of their histories by exact and by
 * noisy profiles. The noise is of the machine's entropy, so figures differ by chance from run to run.
 *
 * @throws EngineError as reading and training do: `EVENTS_FILE_UNREADABLE`, `NO_LABELS`, `TOO_FEW_MEMBERS`.
 */
export async function reportOnRecording(
  files: Readonly<{ eventsPath: string; usersPath: string; maps: readonly MapLabel[] }>,
  options: RecordingOptions,
  progress: Readonly<{ read(events: number, done: number | null): void; done(): void }>,
): Promise<PrivateRecording> {
  const recording = await readRecording(files, progress.read);
  progress.done();
  const { delta, buckets, contributions, draws, dimMax } = options;
  const bits = entropyBits();
  const splits: PrivateRecording["splits"][number][] = [];
  for (const map of recording.maps) {
    for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
      const rule: SplitRule = { ...options.split, seed };
      const split = splitHistories(recording, rule);
      const release = await trainRelease("linear", split.members, [map], FEATURES, { seed, dimMax });
      const quality = privateQuality(release, map, split, { ...options, bits });
      splits.push({ ...quality, seed });
      note(`${map.name}, seed ${seed}: AUC ${quality.auc.toFixed(3)} without noise`);
    }
  }
  return { events: recording.events, delta, buckets, contributions, draws, splits };
}
