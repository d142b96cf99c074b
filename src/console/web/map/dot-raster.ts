/** Red, green and blue, 0 to 255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Places within a pixel that dots are prepared for, a side: so slow a move is still smooth. */
const PHASES = 4;
/** Radii are rounded to parts of a pixel. */
const RADIUS_STEPS = 4;
/** Holes are rounded to parts of the radius. */
const HOLE_STEPS = 20;
/** Samples of a pixel, a side, for the edge of a dot. */
const SAMPLES = 4;

type Mask = Readonly<{ size: number; from: number; cover: Uint8Array }>;

/**
 * Draws dots into pixels. A canvas in software takes 30 to 90 ms for five thousand of them, whichever way they are drawn, since it
 * keeps a record of each; writing their pixels takes two.
 */
export class DotRaster {
  readonly #masks = new Map<number, Mask>();
  #pixels: Uint8ClampedArray = new Uint8ClampedArray();
  #width = 0;
  #height = 0;

  /** @param pixels - Shape [height x width x 4], opaque; drawn on in place. */
  begin(pixels: Uint8ClampedArray, width: number, height: number): void {
    this.#pixels = pixels;
    this.#width = width;
    this.#height = height;
  }

  /**
   * Draws a dot over what is there.
   *
   * @param x - Of its middle, pixels; what lies outside is cut off.
   * @param opacity - In [0, 1].
   * @param hole - Share of the radius that is left open, in [0, 1): above 0 it is a ring.
   */
  dot(x: number, y: number, radius: number, colour: Rgb, opacity: number, hole = 0): void {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const phaseX = Math.floor((x - left) * PHASES);
    const phaseY = Math.floor((y - top) * PHASES);
    const { size, from, cover } = this.#maskOf(radius, phaseX, phaseY, hole);
    const [red, green, blue] = colour;
    const pixels = this.#pixels;
    const width = this.#width;
    const firstX = left + from;
    const firstY = top + from;
    const columnFrom = Math.max(0, -firstX);
    const columnTo = Math.min(size, width - firstX);
    const rowTo = Math.min(size, this.#height - firstY);
    const share = opacity / 255;
    for (let row = Math.max(0, -firstY); row < rowTo; row++) {
      let at = ((firstY + row) * width + firstX + columnFrom) * 4;
      for (let column = columnFrom; column < columnTo; column++, at += 4) {
        const covered = cover[row * size + column]!;
        if (covered === 0) continue;
        const alpha = covered * share;
        pixels[at]! += (red - pixels[at]!) * alpha;
        pixels[at + 1]! += (green - pixels[at + 1]!) * alpha;
        pixels[at + 2]! += (blue - pixels[at + 2]!) * alpha;
      }
    }
  }

  #maskOf(radius: number, phaseX: number, phaseY: number, hole: number): Mask {
    const steps = Math.max(1, Math.round(radius * RADIUS_STEPS));
    const open = Math.round(hole * HOLE_STEPS);
    const key = ((steps * HOLE_STEPS + open) * PHASES + phaseX) * PHASES + phaseY;
    const known = this.#masks.get(key);
    if (known !== undefined) return known;
    const mask = makeMask(
      steps / RADIUS_STEPS,
      (phaseX + 0.5) / PHASES,
      (phaseY + 0.5) / PHASES,
      open / HOLE_STEPS,
    );
    this.#masks.set(key, mask);
    return mask;
  }
}

/** How much of each pixel around a middle a dot covers, in 255ths. */
function makeMask(radius: number, middleX: number, middleY: number, hole: number): Mask {
  const from = -Math.ceil(radius);
  const size = 2 * Math.ceil(radius) + 1;
  const cover = new Uint8Array(size * size);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      let inside = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const x = from + column + ((sample % SAMPLES) + 0.5) / SAMPLES - middleX;
        const y = from + row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES - middleY;
        const distance = Math.hypot(x, y);
        if (distance <= radius && distance >= radius * hole) inside++;
      }
      cover[row * size + column] = Math.round((inside * 255) / (SAMPLES * SAMPLES));
    }
  return { size, from, cover };
}
