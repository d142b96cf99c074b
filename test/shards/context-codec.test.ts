import fc from "fast-check";
import { expect, test } from "vitest";
import { ARRIVAL_FIELDS, arrivalOf } from "../../src/features/arrival.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { Context } from "../../src/shards/context.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import { SEEN_IDS } from "../../src/shards/seen-ids.ts";
import { aFeatureEvent } from "../features/some-events.ts";

const record = <Value>(value: fc.Arbitrary<Value>) =>
  fc.array(fc.tuple(fc.string({ maxLength: 12 }), value), { maxLength: 5 });
const someContext = fc
  .record({
    slots: fc.array(fc.oneof(fc.constant(0), fc.double({ noNaN: true })), { maxLength: 20 }),
    events: fc.nat(1e9),
    lastTsMs: fc.nat(2e12),
    authenticated: fc.boolean(),
    isMember: fc.boolean(),
    where: fc.record({ country: fc.constantFrom("", "de"), region: fc.string({ maxLength: 8 }) }),
    ids: fc.array(fc.string({ maxLength: 8 }), { maxLength: 300 }),
    labels: record(fc.option(fc.string({ maxLength: 12 }))),
    traits: record(fc.oneof(fc.string({ maxLength: 12 }), fc.double({ noNaN: true }), fc.boolean())),
    consents: record(fc.boolean()),
    came: fc.dictionary(fc.constantFrom(...ARRIVAL_FIELDS), fc.string({ maxLength: 5 })),
    resonating: record(fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 })),
    tail: fc.array(
      fc.nat().map((itemHash) => aFeatureEvent({ itemHash })),
      { maxLength: 15 },
    ),
  })
  .map((given) => {
    const context = new Context("ada", given.slots.length, "encoder-1");
    context.slab.set(given.slots);
    context.events = given.events;
    context.lastTsMs = given.lastTsMs;
    context.arrival = arrivalOf(given.came);
    context.authenticated = given.authenticated;
    context.isMember = given.isMember;
    context.where = given.where;
    for (const id of given.ids) context.seen.add(id);
    context.labels = new Map(given.labels);
    context.traits = new Map(given.traits);
    context.consents = new Map(given.consents);
    context.resonating = new Map(given.resonating.map(([key, value]) => [key, new Set(value)]));
    for (const event of given.tail) context.tail.append(event);
    return context;
  });

test("a context comes back as it was, from bytes at any address", () => {
  const writer = new ByteWriter();
  const holds = (context: Context) => {
    const bytes = encodeContext(context, writer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const back = decodeContext("ada", shifted.subarray(1));
    expect(Buffer.from(encodeContext(back, writer))).toEqual(Buffer.from(bytes));
    expect(back.slab).toEqual(context.slab);
    expect(back.arrival).toEqual(context.arrival);
    expect(back.where).toEqual(context.where);
    expect([back.authenticated, back.isMember]).toEqual([context.authenticated, context.isMember]);
    expect([...back.traits].sort()).toEqual([...context.traits].sort());
  };
  fc.assert(fc.property(someContext, holds));
});

test("the order in which records were filled changes no byte", () => {
  const writer = new ByteWriter();
  const one = new Context("ada", 0, "e");
  const other = new Context("ada", 0, "e");
  one.labels = new Map(["a", "b", "c"].map((key) => [key, "x"]));
  other.labels = new Map(["c", "a", "b"].map((key) => [key, "x"]));
  expect(encodeContext(one, writer)).toEqual(encodeContext(other, writer));
});

test("ids that were seen are remembered over a restart, the newest ones", () => {
  const context = new Context("ada", 0, "e");
  for (let i = 0; i < SEEN_IDS + 10; i++) context.seen.add(`id-${i}`);
  const back = decodeContext("ada", encodeContext(context, new ByteWriter()));
  expect(back.seen.add(`id-${SEEN_IDS + 9}`)).toBe(false);
  expect(back.seen.add("id-10")).toBe(false);
  expect(back.seen.add("id-9")).toBe(true);
});

test("bytes of another format and cut bytes are told apart", () => {
  const bytes = encodeContext(new Context("ada", 3, "e"), new ByteWriter());
  expect(() => decodeContext("ada", Uint8Array.of(9, ...bytes))).toThrowError(
    expect.objectContaining({ code: "CONTEXT_UNREADABLE" }),
  );
  expect(() => decodeContext("ada", bytes.subarray(0, 40))).toThrowError(
    expect.objectContaining({ code: "RECORD_TRUNCATED" }),
  );
});
