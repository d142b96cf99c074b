import { expect, test } from "vitest";
import type { Rgb } from "../../../src/console/web/map/dot-raster.ts";
import { LOOKS, lookOf } from "../../../src/console/web/map/palette.ts";

/** Grounds that points stand on, as in style.css. */
const SURFACE = { light: [255, 255, 255], dark: [23, 28, 33] } as const;
const COLOURS = LOOKS / 2;

const linear = (rgb: Rgb) =>
  rgb.map((value) => (value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];

/** Contrast by WCAG 2.2. */
function contrast(a: Rgb, b: Rgb): number {
  const [x = 0, y = 0] = [a, b].map((rgb) => {
    const [red, green, blue] = linear(rgb);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** What people without one kind of cones see: Machado, Oliveira & Fernandes 2009, severity 1. */
const SEEN_BY = {
  everybody: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopes: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopes: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopes: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/** As in Oklab (Ottosson 2020), where distances are as they are seen. */
function oklab(rgb: Rgb, sees: readonly number[]): [number, number, number] {
  const given = linear(rgb);
  const at = (row: number) => given.reduce((sum, value, i) => sum + value * (sees[row * 3 + i] ?? 0), 0);
  const [r, g, b] = [at(0), at(1), at(2)].map((value) => Math.max(0, value)) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

const themes = [
  ["light", false],
  ["dark", true],
] as const;

test.for(themes)("each colour stands out from its ground, 3 to 1 at least: %s", ([name, isDark]) => {
  for (let k = -1; k < COLOURS; k++)
    expect(contrast(lookOf(k, isDark).rgb, SURFACE[name])).toBeGreaterThanOrEqual(3);
});

test.for(themes)("colours are told apart whichever cones one has: %s", ([, isDark]) => {
  for (const [who, sees] of Object.entries(SEEN_BY)) {
    const seen = Array.from({ length: COLOURS }, (_, k) => oklab(lookOf(k, isDark).rgb, sees));
    for (const [i, a] of seen.entries())
      for (const [j, b] of seen.entries()) {
        if (j <= i) continue;
        const distance = Math.hypot(...a.map((value, axis) => value - (b[axis] ?? 0)));
        // The first five, which most maps have, further than the rest.
        expect(distance, `${i} and ${j} by ${who}`).toBeGreaterThan(j < 5 ? 0.1 : 0.06);
      }
  }
});

test("more segments than colours are rings, so that colour and form together tell each", () => {
  const looks = Array.from({ length: LOOKS }, (_, k) => lookOf(k, false));
  expect(new Set(looks.map(({ colour, isRing }) => `${colour} ${isRing}`)).size).toBe(LOOKS);
});
