import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader } from "../../src/kernel/byte-reader.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";

test("what is written is read, also when the writer has to grow in the middle of a number", () => {
  const writer = new ByteWriter();
  const someTexts = fc.array(fc.string({ unit: "grapheme", maxLength: 300 }), { maxLength: 40 });
  const holds = (texts: string[], number: number) => {
    writer.reset();
    for (const text of texts) {
      writer.text(text);
      writer.u8(7);
      writer.u16(65_535);
      writer.u32(4_294_967_295);
      writer.f64(number);
    }
    const reader = new ByteReader(writer.finish());
    for (const text of texts) {
      expect(reader.text()).toBe(text);
      expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([7, 65_535, 4_294_967_295]);
      expect(reader.f64()).toBe(number);
    }
  };
  fc.assert(fc.property(someTexts, fc.double({ noNaN: true }), holds));
});

test("a record that ends before its content is told apart", () => {
  expect(() => new ByteReader(Uint8Array.of(1, 2)).u32()).toThrowError(
    expect.objectContaining({ code: "RECORD_TRUNCATED" }),
  );
});
