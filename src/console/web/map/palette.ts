import type { Rgb } from "./dot-raster.ts";

/**
 * Colours of segments, told apart by people with any kind of colour blindness as far as eight colours can be
 * (test/console/map/palette.test.ts measures it), each with a contrast of 3 to 1 at least on the ground it stands on.
 */
const LIGHT = [
  "#0767b8",
  "#b94603",
  "#029b90",
  "#8c3e7d",
  "#b78803",
  "#58514d",
  "#d93c67",
  "#2e3fa7",
] as const;
const DARK = [
  "#72b5ff",
  "#fb934e",
  "#16ebbc",
  "#c885b4",
  "#f7d049",
  "#b4b2ab",
  "#fc6b7c",
  "#8993fe",
] as const;
const NONE = { light: "#8b939c", dark: "#78828d" } as const;

/** How a segment looks. */
export type SegmentLook = Readonly<{
  colour: string;
  rgb: Rgb;
  /** Beyond as many segments as there are colours, points are rings: colour and form together tell one. */
  isRing: boolean;
}>;

/** The look of a segment by its place in the map; -1 for "none". */
export function lookOf(segment: number, isDark: boolean): SegmentLook {
  const colours = isDark ? DARK : LIGHT;
  const colour =
    segment < 0 ? (isDark ? NONE.dark : NONE.light) : (colours[segment % colours.length] ?? colours[0]);
  return { colour, rgb: rgbOf(colour), isRing: Math.floor(Math.max(0, segment) / colours.length) % 2 === 1 };
}

/** Segments that have looks of their own. */
export const LOOKS = 2 * LIGHT.length;

function rgbOf(colour: string): Rgb {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
