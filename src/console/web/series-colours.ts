/** Lines and bars that can be told apart at once; more of them share a colour, and are told by their names. */
const COLOURS = 8;

/** The custom property of the colour of something, by its place among its like: the same everywhere. */
export function seriesColour(place: number): string {
  return `--series-${(place % COLOURS) + 1}`;
}

/** For "none", and what is told together. */
export const QUIET_COLOUR = "--series-none";
