import { bench } from "vitest";
import { KNOWN_TYPES } from "../../src/events/event.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { packFeatureEvent, unpackFeatureEvent } from "../../src/features/pack-feature-event.ts";
import { sentimentOf } from "../../src/features/sentiment.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const EVENTS = isFull ? 100_000 : 1_000;
const USERS = isFull ? 5_000 : 50;
const START_MS = 1_700_000_000_000;

const random = seededRandom(42);
const upTo = (bound: number) => Math.floor(random() * bound);
const behaviours = Array.from({ length: EVENTS }, (_, i) => aBehaviour(START_MS + i * 2_000));
const owners = Uint32Array.from(behaviours, () => upTo(USERS));
const events = behaviours.map(toFeatureEvent);
const packed = events.map(packFeatureEvent);
const slabs = foldAll();
const out = new Float32Array(FEATURES.width);
const expected = { fold: checkOf(slabs), read: readAll(), hashes: hashesOf(events), bytes: bytesOf(packed) };
const text =
  "I don't love the new checkout, it is slow and it lost my basket; but support was kind and helpful!";
const sentiment = sentimentOf(text);

bench(`behaviour to numbers, ${EVENTS} events`, () => {
  assert(hashesOf(behaviours.map(toFeatureEvent)) === expected.hashes, "the events are what they were");
});

bench(`pack ${EVENTS} events`, () => {
  assert(bytesOf(events.map(packFeatureEvent)) === expected.bytes, "the bytes are as many as they were");
});

bench(`unpack ${EVENTS} events`, () => {
  assert(hashesOf(packed.map(unpackFeatureEvent)) === expected.hashes, "the events come back as they were");
});

bench(`fold ${EVENTS} events of ${USERS} users into ${FEATURES.slots} slots`, () => {
  assert(checkOf(foldAll()) === expected.fold, "the state is what it was");
});

bench(`read ${FEATURES.width} features ${EVENTS} times`, () => {
  assert(readAll() === expected.read, "the reading is what it was");
});

bench(`sentiment of a text of ${text.length} characters`, () => {
  assert(sentimentOf(text) === sentiment, "the text sounds as it did");
});

function foldAll(): Float64Array[] {
  const folded = Array.from({ length: USERS }, () => new Float64Array(FEATURES.slots));
  for (const [i, event] of events.entries()) FEATURES.fold(folded[owners[i]!]!, 0, event);
  return folded;
}

function readAll(): number {
  let sum = 0;
  for (const [i, event] of events.entries()) {
    FEATURES.read(slabs[owners[i]!]!, 0, START_MS + EVENTS * 2_000 + event.tsMs / 1e6, out);
    sum += out[i % FEATURES.width]!;
  }
  return sum;
}

function checkOf(folded: readonly Float64Array[]): number {
  return folded.reduce((sum, slab, user) => sum + slab[user % FEATURES.slots]!, 0);
}

function hashesOf(list: ReturnType<typeof toFeatureEvent>[]): number {
  return list.reduce((sum, event) => sum + event.itemHash + event.categoryHashes.length, 0);
}

function bytesOf(list: readonly Uint8Array[]): number {
  return list.reduce((sum, bytes) => sum + bytes.length, 0);
}

/** A shop with some talk: one event in twenty is late, one in three tells a device, one in four a place. */
function aBehaviour(tsMs: number): Behaviour {
  const type = KNOWN_TYPES[upTo(4) > 0 ? upTo(2) : upTo(KNOWN_TYPES.length)] ?? "view";
  return {
    kind: "behaviour",
    id: `event-${tsMs}`,
    user: "ada",
    type,
    tsMs: tsMs - (upTo(20) === 0 ? 3_600_000 : 0),
    item: `item-${upTo(5_000)}`,
    categories: [`group-${upTo(10)}`, `family-${upTo(60)}`, `brand-${upTo(300)}`],
    ...(type === "search" ? { keywords: [1 + upTo(1e9), 1 + upTo(1e9)] } : {}),
    ...(type === "purchase" || type === "rate" ? { value: upTo(200) } : {}),
    ...(type === "message" ? { peer: `user-${upTo(50)}`, sentiment: random() * 2 - 1 } : {}),
    ...(upTo(3) === 0 ? { context: { device: `device-${upTo(3)}`, referrer: `site-${upTo(9)}` } } : {}),
    ...(upTo(4) === 0 ? { cell: `cell-${upTo(12)}` } : {}),
  };
}
