import { defaultCalibration } from "./default-calibration.ts";
import type { Profile, PublishedProfiles } from "./published-profiles.ts";
import type { SegmentMap } from "./segment-map.ts";

/** The profiles of one map, from which any member can be taken out again. */
export class MembersProfiles {
  readonly #map: SegmentMap;
  readonly #encoder: Readonly<{ version: string; dim: number }>;
  readonly #sums: readonly Float64Array[];
  readonly #members: number[];
  #background = 0;
  #profiles: readonly Profile[] | undefined;

  constructor(map: SegmentMap, encoder: Readonly<{ version: string; dim: number }>) {
    this.#map = map;
    this.#encoder = encoder;
    this.#sums = map.segments.map(() => new Float64Array(encoder.dim));
    this.#members = map.segments.map(() => 0);
  }

  /** @param segment - Index, or -1 for a background user. */
  add(segment: number, embedding: Float32Array): void {
    this.#profiles = undefined;
    if (segment < 0) {
      this.#background++;
      return;
    }
    this.#members[segment]! += 1;
    const sum = this.#sums[segment]!;
    for (let i = 0; i < embedding.length; i++) sum[i]! += embedding[i]!;
  }

  /** Distinct segments that somebody belongs to. */
  get populated(): number {
    return this.#members.filter((members) => members > 0).length;
  }

  /** The profiles as they stand, or as they would without somebody who was added. */
  published(without?: Readonly<{ segment: number; embedding: Float32Array }>): PublishedProfiles {
    this.#profiles ??= this.#map.segments.map((_, k) => this.#profile(k));
    const background = this.#background - (without?.segment === -1 ? 1 : 0);
    const profiles =
      without === undefined || without.segment < 0
        ? this.#profiles
        : this.#profiles.with(without.segment, this.#profile(without.segment, without.embedding));
    const { version, dim } = this.#encoder;
    return {
      map: this.#map.name,
      mode: this.#map.mode,
      version: 1,
      encoder: version,
      dim,
      watermarkMs: 0,
      profiles,
      background,
      // Only similarities and priors are read of these profiles.
      calibration: defaultCalibration(version, this.#map.name, profiles.length),
      threshold: this.#map.threshold,
    };
  }

  #profile(k: number, without?: Float32Array): Profile {
    const members = this.#members[k]! - (without === undefined ? 0 : 1);
    const sum = this.#sums[k]!;
    const centroid = Float32Array.from(
      sum,
      (value, i) => (value - (without?.[i] ?? 0)) / Math.max(1, members),
    );
    return { segment: this.#map.segments[k]!.name, members, centroid };
  }
}
