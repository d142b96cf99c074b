import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "../../src/kernel/msgpack.ts";
import { MsgpackWriter } from "../../src/kernel/msgpack-writer.ts";

const packed = (value: unknown): Uint8Array => {
  const writer = new MsgpackWriter();
  writer.value(value);
  return writer.finish();
};
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "grapheme", maxLength: 400 }),
    fc.integer(),
    fc.double({ noNaN: true }).map((value) => value + 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,40}$/), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

test("every reader of MessagePack gets back what was written", () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(decode(packed(value))).toEqual(value);
    }),
  );
});

test.for([0, 1, 31, 32, 63, 64, 65, 85, 86, 255, 256, 21_845, 21_846, 65_535, 65_536, 200_000])(
  "a text of %i characters comes back, in ASCII and in other scripts",
  (length) => {
    for (const letter of ["a", "ß", "語"])
      expect(decode(packed(letter.repeat(length)))).toBe(letter.repeat(length));
  },
);

test.for([
  0,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  4_294_967_295,
  4_294_967_296,
  -1,
  -32,
  -33,
  -128,
  -129,
  -32_769,
  -2_147_483_648,
  -2_147_483_649,
  1_767_225_600_000,
  0.5,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  Number.POSITIVE_INFINITY,
])("the number %d comes back", (value) => {
  expect(decode(packed(value))).toBe(value);
});

test.for([0, 15, 16, 65_535, 65_536])("a list and a record of %i come back", (length) => {
  const list = Array.from({ length }, (_, index) => index);
  const record = Object.fromEntries(list.map((index) => [`k${index}`, index]));
  expect(decode(packed(list))).toEqual(list);
  expect(decode(packed(record))).toEqual(record);
});

test("minus zero becomes zero", () => {
  expect(decode(packed(-0))).toBe(0);
});

test("a record whose size is known only at its end comes back; of no keys it is nil", () => {
  const writer = new MsgpackWriter();
  const begun = writer.beginMap();
  writer.text("a");
  writer.number(1);
  writer.endMap(begun, 1);
  expect(decode(writer.finish())).toEqual({ a: 1 });
  writer.endMap(writer.beginMap(), 0);
  expect(decode(writer.finish())).toBeNull();
});

test("what was finished stays as it is, whatever is written after it", () => {
  const writer = new MsgpackWriter();
  const messages = Array.from({ length: 500 }, (_, index) => `${index}`.padStart(1 + (index % 300), "x"));
  const finished = messages.map((message) => {
    writer.value([message, index(message)]);
    return writer.finish();
  });
  expect(finished.map(decode)).toEqual(messages.map((message) => [message, index(message)]));
});

test("a message that could not be packed is forgotten", () => {
  const writer = new MsgpackWriter();
  expect(() => writer.value(["kept?", Symbol("no")])).toThrow(TypeError);
  writer.reset();
  writer.value("next");
  expect(decode(writer.finish())).toBe("next");
});

function index(message: string): number {
  return Number(message.replaceAll("x", ""));
}
