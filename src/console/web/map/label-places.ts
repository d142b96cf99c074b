/** A box on the picture, pixels. */
export type Box = Readonly<{ left: number; top: number; width: number; height: number }>;

/** What is to be labelled: a mark around a point, and the size of its label. */
export type Labelled = Readonly<{ x: number; y: number; width: number; height: number }>;

/** Between a mark and its label, and between labels, pixels. */
const GAP = 4;
/** Rings of places around a mark that are tried, each further out by so many pixels. */
const RINGS = 8;
const RING_STEP = 12;
/** Right, left, above, below, then between: the first that is free is taken. */
const DIRECTIONS = [0, 180, 270, 90, 315, 225, 45, 135].map((degrees) => (degrees * Math.PI) / 180);

/**
 * Places labels beside their marks so that no two overlap, nor a label and a mark, and all lie within the picture, as long as there is
 * room near their marks; one that has none is placed where it overlaps the least.
 *
 * @param mark - Radius of the marks, pixels.
 * @returns A box for each, in the same order.
 */
export function placeLabels(
  all: readonly Labelled[],
  picture: Readonly<{ width: number; height: number }>,
  mark: number,
): Box[] {
  const marks = all.map(({ x, y }) => ({ left: x - mark, top: y - mark, width: 2 * mark, height: 2 * mark }));
  const placed: Box[] = [];
  for (const labelled of all) {
    let best: Box | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const box of candidates(labelled, mark)) {
      const covered = [...placed, ...marks].reduce((sum, other) => sum + overlap(widened(box), other), 0);
      const cost = covered + outside(box, picture);
      if (cost < least) {
        least = cost;
        best = box;
      }
      if (cost === 0) break;
    }
    placed.push(best ?? { left: labelled.x, top: labelled.y, ...labelled });
  }
  return placed;
}

function* candidates({ x, y, width, height }: Labelled, mark: number): Generator<Box> {
  for (let ring = 0; ring < RINGS; ring++) {
    const away = mark + GAP + ring * RING_STEP;
    for (const angle of DIRECTIONS) {
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const left = x + cos * away + (cos > 0.1 ? 0 : cos < -0.1 ? -width : -width / 2);
      const top = y + sin * away + (sin > 0.1 ? 0 : sin < -0.1 ? -height : -height / 2);
      yield { left, top, width, height };
    }
  }
}

function widened({ left, top, width, height }: Box): Box {
  return { left: left - GAP / 2, top: top - GAP / 2, width: width + GAP, height: height + GAP };
}

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

function outside(box: Box, { width, height }: Readonly<{ width: number; height: number }>): number {
  return box.width * box.height - overlap(box, { left: 0, top: 0, width, height });
}
