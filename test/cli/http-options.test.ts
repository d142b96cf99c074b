import { expect, test } from "vitest";
import { categoriesOf } from "../../src/cli/http-options.ts";

test("categories of consent are told with their purposes, in any case", () => {
  expect(categoriesOf("Advertising=personalisation, C0002=analytics")).toEqual({
    advertising: "personalisation",
    c0002: "analytics",
  });
  for (const none of ["", "Advertising", "=analytics", "a=b c", "a=b,,c=d"])
    expect(() => categoriesOf(none)).toThrow("such as Advertising=personalisation");
});
