import type { History } from "../../src/embedding/encoder.ts";
import type { FeatureEvent } from "../../src/features/feature-event.ts";
import type { FeatureFamily } from "../../src/features/feature-family.ts";
import { FeatureSchema } from "../../src/features/feature-schema.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";

export const DAY_MS = 86_400_000;
export const START_MS = 20_000 * DAY_MS;

/** A view of nothing at {@link START_MS}, with what matters to the test instead. */
export function anEvent(given: Partial<FeatureEvent> & { item?: string } = {}): FeatureEvent {
  const { item, ...fields } = given;
  return {
    tsMs: START_MS,
    typeCode: 0,
    typeHash: hash32("view"),
    itemHash: item === undefined ? 0 : hash32(item),
    categoryHashes: [],
    keywordHashes: [],
    sentiment: Number.NaN,
    value: Number.NaN,
    peerHash: 0,
    inbound: false,
    cellHash: 0,
    referrerHash: 0,
    deviceHash: 0,
    campaignHash: 0,
    countryHash: 0,
    utcOffsetMinutes: 0,
    ...fields,
  };
}

/** How many events there were, and the mean hour of the day: two numbers that do not depend on the order. */
const twoNumbers: FeatureFamily = {
  name: "two",
  slots: 2,
  features: ["events", "hour"],
  orderIndependent: true,
  fold(slab, at, event) {
    slab[at] = (slab[at] ?? 0) + 1;
    slab[at + 1] = (slab[at + 1] ?? 0) + ((event.tsMs % DAY_MS) / DAY_MS) * 24;
  },
  read(slab, at, _atMs, out, outAt) {
    const events = slab[at] ?? 0;
    out[outAt] = Math.log1p(events);
    out[outAt + 1] = events === 0 ? 0 : (slab[at + 1] ?? 0) / events;
  },
};

export const tinySchema = new FeatureSchema([twoNumbers]);
export const otherSchema = new FeatureSchema([{ ...twoNumbers, name: "other" }]);

/**
 * Users of segments that share most items and each prefer some of their own.
 *
 * @param given.preference - Share of events with an item of the own segment; 0 makes labels chance.
 */
export function someHistories(given: {
  users: number;
  segments: number;
  events?: number;
  preference?: number;
  seed?: number;
  map?: string;
}): History[] {
  const { users, segments, events = 12, preference = 0.3, seed = 1, map = "taste" } = given;
  const random = seededRandom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  return Array.from({ length: users }, (_, u) => {
    const segment = u % segments;
    return {
      user: `user-${seed}-${u}`,
      labels: { [map]: `segment-${segment}` },
      events: Array.from({ length: 1 + pick(events) }, (_, i) =>
        anEvent({
          tsMs: START_MS + i * 3_600_000 + pick(1_000_000),
          item: random() < preference ? `own-${segment}-${pick(8)}` : `common-${pick(40)}`,
        }),
      ),
    };
  });
}

/** The segments of {@link someHistories}, as a fit wants them. */
export function someMaps(segments: number, map = "taste") {
  return [{ name: map, segments: Array.from({ length: segments }, (_, k) => `segment-${k}`) }];
}
