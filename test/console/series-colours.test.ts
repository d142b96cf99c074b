import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lookOf } from "../../src/console/web/map/palette.ts";
import { seriesColour } from "../../src/console/web/series-colours.ts";

const CSS = readFileSync(new URL("../../src/console/web/views.css", import.meta.url), "utf8");

test.each(["light", "dark"] as const)("a segment has one colour in all views, %s", (theme) => {
  const isDark = theme === "dark";
  const block = isDark ? CSS.slice(CSS.indexOf('[data-theme="dark"]')) : CSS;
  const colourOf = (name: string) => new RegExp(`${name}: (#[0-9a-f]{6});`).exec(block)?.[1];
  for (let segment = 0; segment < 20; segment++)
    expect(colourOf(seriesColour(segment))).toBe(lookOf(segment, isDark).colour);
  expect(colourOf("--series-none")).toBe(lookOf(-1, isDark).colour);
});
