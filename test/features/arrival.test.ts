import fc from "fast-check";
import { expect, test } from "vitest";
import { ARRIVAL_FIELDS, arrivalOf } from "../../src/features/arrival.ts";

test("without a context, or with one that tells none of the fields, nothing is known of an arrival", () => {
  expect(arrivalOf(undefined)).toBeUndefined();
  expect(arrivalOf({})).toBeUndefined();
  expect(arrivalOf({ page: "/shoes", referrer: "" })).toBeUndefined();
});

test("a field that was told is not 0, the others are", () => {
  const arrival = arrivalOf({ os: "android", page: "/shoes" });
  const told = ARRIVAL_FIELDS.filter((_, f) => arrival?.[f] !== 0);
  expect(told).toEqual(["os"]);
});

test("fields of the same value differ, and so do values of a field", () => {
  const de = arrivalOf({ country: "de", language: "de" });
  const [country, language] = [ARRIVAL_FIELDS.indexOf("country"), ARRIVAL_FIELDS.indexOf("language")];
  expect(de?.[country]).not.toBe(de?.[language]);
  expect(de?.[country]).not.toBe(arrivalOf({ country: "at" })?.[country]);
});

test("hours count as six parts of the day; what is no hour is not known", () => {
  const at = (hour: string) => arrivalOf({ hour })?.[ARRIVAL_FIELDS.indexOf("hour")];
  expect(at("8")).toBe(at("11"));
  expect(at("11")).not.toBe(at("12"));
  expect(new Set(Array.from({ length: 24 }, (_, hour) => at(String(hour)))).size).toBe(6);
  expect(["24", "-1", "8.5", "noon"].map(at)).toEqual([undefined, undefined, undefined, undefined]);
});

test("the order of a context's keys does not matter", () => {
  const context = fc.dictionary(fc.constantFrom(...ARRIVAL_FIELDS), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(context, (given) => {
      const reversed = Object.fromEntries(Object.entries(given).reverse());
      expect(arrivalOf(reversed)).toEqual(arrivalOf(given));
    }),
  );
});
