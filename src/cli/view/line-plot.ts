/** A line through points, or the points alone. Coordinates are shares in [0, 1]; others are cut off. */
export type PlotSeries = Readonly<{
  x: readonly number[];
  y: readonly number[];
  style: "line" | "dots";
}>;

/** Bits of a braille cell: two columns of four dots. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const BRAILLE = 0x2800;
/** A dotted line shows every so many dots of it. */
const DOT_GAP = 4;

/**
 * Draws series over the unit square in braille dots.
 *
 * @param cells - Columns and rows of the drawing; at least 1 each.
 * @param mark - A place on the x axis that gets a vertical line.
 * @returns One line a row, top first, each of exactly `cells.columns` characters.
 */
export function linePlot(
  series: readonly PlotSeries[],
  cells: { readonly columns: number; readonly rows: number },
  mark?: number,
): string[] {
  const { columns, rows } = cells;
  const canvas = Array.from({ length: rows }, () => new Uint8Array(columns));
  const [width, height] = [columns * 2, rows * 4];
  const set = (column: number, row: number): void => {
    const x = Math.round(column);
    const y = Math.round(row);
    if (!(x >= 0 && x < width && y >= 0 && y < height)) return;
    canvas[y >> 2]![x >> 1]! |= DOTS[x & 1]![y & 3]!;
  };
  const at = (x: number, y: number) => [x * (width - 1), (1 - y) * (height - 1)] as const;
  for (const { x, y, style } of series) {
    for (let i = 0; i < x.length; i++) {
      const [fromX, fromY] = at(x[Math.max(0, i - 1)]!, y[Math.max(0, i - 1)]!);
      const [toX, toY] = at(x[i]!, y[i]!);
      const steps = Math.max(1, Math.ceil(Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY))));
      for (let step = 0; step <= steps; step++) {
        const dotX = fromX + ((toX - fromX) * step) / steps;
        if (style === "dots" && Math.round(dotX) % DOT_GAP !== 0) continue;
        set(dotX, fromY + ((toY - fromY) * step) / steps);
      }
    }
  }
  if (mark !== undefined) for (let row = 0; row < height; row++) set(at(mark, 0)[0], row);
  return canvas.map((row) => Array.from(row, (bits) => String.fromCodePoint(BRAILLE + bits)).join(""));
}
