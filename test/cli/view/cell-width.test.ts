import fc from "fast-check";
import { expect, test } from "vitest";
import { withoutControls } from "../../../src/cli/view/cell-width.ts";

test("an id that holds escape sequences draws no others than its letters", () => {
  expect(withoutControls("ada\u001b[2J\u001b]0;owned\u0007 \u009b31m\r\n")).not.toMatch(/\p{Cc}/u);
});

test("whatever a text holds, no control character of it reaches a terminal", () => {
  const holds = (text: string) => !/\p{Cc}/u.test(withoutControls(text));
  fc.assert(fc.property(fc.string({ unit: "binary" }), holds));
});
