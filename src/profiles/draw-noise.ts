import type { ProfileControl } from "../events/profile-control.ts";
import { noisedSums } from "../privacy/noised-sums.ts";
import type { RandomBits } from "../privacy/random-bits.ts";
import { BACKGROUND } from "./member-record.ts";
import type { DueBucket } from "./private-releases.ts";

/** Numbers in one message: about 30 ms of drawing, and a tenth of a megabyte. */
const NUMBERS_A_MESSAGE = 10_000;

type Noised = Extract<ProfileControl, { control: "noised" }>;
/** A bucket's segment, or the background. */
type NoisyValues = Noised["segments"][number];

/**
 * Noisy sums of buckets, as messages for the log, each drawn when it is asked for. Ids tell whose bucket they are of: what two
 * owners draw of one is stored once.
 */
export function* drawNoise(
  due: readonly DueBucket[],
  bits: RandomBits,
): Generator<Readonly<{ id: string; control: Noised }>> {
  for (const { series, bucket, held } of due) {
    const { encoder, key } = series;
    let segments: NoisyValues[] = [];
    let numbers = 0;
    const message = () => {
      const id = `noised:${encoder}:${key}:${series.life}:${bucket}:${segments[0]?.[0]}`;
      return { id, control: { control: "noised", encoder, key, bucket, segments } as const };
    };
    for (const segment of [...held.exact.keys()].sort()) {
      const exact = held.exact.get(segment)!;
      // Of the background nothing but the count is ever used.
      const sum = segment === BACKGROUND ? new Float64Array() : exact.sum;
      const values = noisedSums({ sum, count: exact.count }, held.sigmaUnits, bits);
      segments.push([segment, values]);
      numbers += values.length;
      if (numbers < NUMBERS_A_MESSAGE) continue;
      yield message();
      segments = [];
      numbers = 0;
    }
    if (segments.length > 0) yield message();
  }
}
