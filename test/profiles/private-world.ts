import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { encodeProfileControl, type ProfileControl } from "../../src/events/profile-control.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { drawNoise } from "../../src/profiles/draw-noise.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { profilesOf } from "../../src/profiles/publish.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import type { Sample } from "../../src/profiles/sample.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { aMap, aPrivacy, aSample, DAY_MS, NOON_MS } from "./some-samples.ts";

/** Noise so small that exact sums show through it: for tests of what is summed. */
export const HARDLY_PRIVATE = { epsilon: 100, delta: 0.01, versions: 1 };

/** A map of three days that is private, if only just. */
export function aPrivateMap(given: Partial<SegmentMap> = {}): SegmentMap {
  return aMap({ window: { bucketMs: DAY_MS, buckets: 3 }, privacy: aPrivacy(HARDLY_PRIVATE), ...given });
}

const SHARDS = { from: 0, count: 1 };

/** The profile actor's fold with an owner that draws noise when told to; everything is a message, as in the log. */
export class PrivateWorld {
  readonly store = memoryProfileStore();
  /** Every message, in order. */
  readonly log: Uint8Array[] = [];
  state: ProfileState;
  #sequence = 0;
  #seed: number;
  readonly #map: SegmentMap;

  constructor(map: SegmentMap = aPrivateMap(), seed = 1) {
    this.#map = map;
    this.#seed = seed;
    this.state = this.#open();
    this.noon(0);
  }

  /** Folds a sample of a day after the first, whose number is its own. */
  sample(
    user: string,
    day: number,
    given: Partial<Omit<Sample, "vector">> & { vector?: readonly number[] } = {},
  ): void {
    const sequence = ++this.#sequence;
    const tsMs = NOON_MS + day * DAY_MS;
    this.take(
      encode({ shard: 0, samples: [aSample({ user, tsMs, sequence, vector: [600, -800], ...given })] }),
    );
  }

  /** Takes a member out who stays a user: consent was taken back, for one. */
  remove(user: string): void {
    this.take(encode({ shard: 0, samples: [], removals: [{ sequence: ++this.#sequence, index: 0, user }] }));
  }

  erase(user: string): void {
    const removal = { sequence: ++this.#sequence, index: 0, user, hash: `hash of ${user}` };
    this.take(encode({ shard: 0, samples: [], removals: [removal] }));
  }

  /** The shard has told of all members under an encoder. */
  prepared(encoder: string): void {
    this.take(encode({ shard: 0, samples: [], prepared: [encoder] }));
  }

  /** By the clock it is noon of a day. */
  noon(day: number): void {
    this.take(encodeProfileControl({ control: "clock", atMs: NOON_MS + day * DAY_MS }));
  }

  /** Contributions that closed buckets of a segment hold, by day, before they are noised. */
  exact(segment: string, encoder = "e1"): (readonly [day: number, count: number])[] {
    const closed = this.state.privates.series(encoder, this.#map.name)?.buckets ?? [];
    return [...closed].map(
      ([bucket, { exact }]) => [this.#dayOf(bucket), exact.get(segment)?.count ?? 0] as const,
    );
  }

  /** Days whose noisy sums are in the profiles. */
  days(encoder = "e1"): number[] {
    const series = this.state.privates.series(encoder, this.#map.name);
    return (series?.window(this.#map.window.buckets) ?? []).map(([bucket]) => this.#dayOf(bucket));
  }

  #dayOf(bucket: number): number {
    return (bucket * this.#map.window.bucketMs - (NOON_MS - DAY_MS / 2)) / DAY_MS;
  }

  /** Draws the noise of all that is due, as an owner does. @returns The messages. */
  noise(): Extract<ProfileControl, { control: "noised" }>[] {
    const drawn = [...drawNoise(this.state.due(), insecureBits(this.#seed++))].map(({ control }) => control);
    for (const control of drawn) this.take(encodeProfileControl(control));
    return drawn;
  }

  /** Folds a message. */
  take(data: Uint8Array): void {
    this.log.push(data);
    this.fold(data, this.log.length);
  }

  fold(data: Uint8Array, sequence: number): void {
    const message = readSampleMessage(data);
    if (message === undefined) throw new Error(`unreadable: ${JSON.stringify(decode(data))}`);
    if (!("control" in message)) this.state.apply(sequence, message);
    else if (message.control === "noised") this.state.takeNoised(message);
    else if (message.control === "clock") this.state.tellTime(message.atMs);
    this.state.pass(sequence);
    this.state.closeBuckets(SHARDS);
  }

  async commit(): Promise<void> {
    await this.store.commit(this.state.takeCommit());
    this.state.passivate();
  }

  /** Opens what was committed last. */
  restart(): void {
    this.state = this.#open();
  }

  published(encoder = "e1"): PublishedProfiles {
    const ledger = this.state.ledger(encoder)!;
    const { privates } = this.state;
    return profilesOf(ledger, this.#map, { version: 1, dim: ledger.dim, calibrations: [], privates });
  }

  #open(): ProfileState {
    const state = new ProfileState(this.store);
    state.useMaps([this.#map], 1);
    return state;
  }
}
