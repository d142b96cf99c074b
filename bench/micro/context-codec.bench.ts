import { bench } from "vitest";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { assert } from "../../src/kernel/assert.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { Context } from "../../src/shards/context.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const USERS = isFull ? 10_000 : 200;
const EVENTS_A_USER = 12;

const random = seededRandom(42);
const encoder = untrainedEncoder(FEATURES);
const writer = new ByteWriter();
const contexts = Array.from({ length: USERS }, (_, user) => aContext(user));
const encoded = contexts.map((context) => encodeContext(context, writer));
const bytes = encoded.reduce((sum, one) => sum + one.length, 0);
const events = USERS * EVENTS_A_USER;
assert(
  encoded.every((one, user) => same(one, encodeContext(decodeContext(`user-${user}`, one), writer))),
  "a context comes back as it was",
);

bench(`encode ${USERS} contexts of ${Math.round(bytes / USERS)} bytes`, () => {
  let sum = 0;
  for (const context of contexts) sum += encodeContext(context, writer).length;
  assert(sum === bytes, "the bytes are as many as they were");
});

bench(`decode ${USERS} contexts of ${Math.round(bytes / USERS)} bytes`, () => {
  let sum = 0;
  for (let user = 0; user < USERS; user++) sum += decodeContext("ada", encoded[user]!).events;
  assert(sum === events, "the contexts hold what they did");
});

/** A user as most are: some events, one in ten of them known by name with a trait or two. */
function aContext(user: number): Context {
  const context = new Context(`user-${user}`, encoder.slots, encoder.version);
  for (let i = 0; i < EVENTS_A_USER; i++) {
    const behaviour: Behaviour = {
      kind: "behaviour",
      id: `event-${user}-${i}`,
      user: context.user,
      type: "view",
      tsMs: 1_700_000_000_000 + user * 1_000 + i * 60_000,
      item: `item-${Math.floor(random() * 5_000)}`,
      categories: [`group-${Math.floor(random() * 10)}`],
    };
    const event = toFeatureEvent(behaviour);
    FEATURES.foldSparse(context, event);
    encoder.fold(context.slab, 0, event);
    context.seen.add(behaviour.id);
    context.events++;
  }
  if (user % 10 === 0) {
    context.authenticated = true;
    context.labels = new Map([["life", `segment-${user % 64}`]]);
    context.traits = new Map<string, number | string>([
      ["orders", user],
      ["city", "Zürich"],
    ]);
    context.resonating = new Map([["life", new Set(["segment-1"])]]);
  }
  return context;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
