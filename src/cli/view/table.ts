import { cellWidth, fitToCells, withoutControls } from "./cell-width.ts";

/** A column of a table. Numbers read best to the right. */
export type TableColumn = Readonly<{ title: string; align?: "left" | "right" }>;

const GAP = "  ";
/** A column is not cut below this while another one is wider. */
const CELLS_MIN = 4;

/**
 * Lays out a table with aligned columns. Where it would be too wide, the widest columns give way.
 *
 * @param rows - One text a column; missing ones are blank, surplus ones are dropped.
 * @param columns - Cells of the terminal; no line is wider.
 * @returns The line of titles and one line a row, without blanks at the end.
 */
export function renderTable(
  titles: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  columns: number,
): string[] {
  const texts = [titles.map((column) => column.title), ...rows].map((row) =>
    titles.map((_, index) => withoutControls(row[index] ?? "")),
  );
  const widths = shrink(
    titles.map((_, index) => Math.max(0, ...texts.map((row) => cellWidth(row[index] ?? "")))),
    columns - GAP.length * (titles.length - 1),
  );
  return texts.map((row) => {
    const cells = row.map((text, index) => fitToCells(text, widths[index] ?? 0, titles[index]?.align));
    return fitToCells(cells.join(GAP), columns).trimEnd();
  });
}

/** Takes single cells from whichever column is widest until all fit, or none can give more. */
function shrink(wanted: readonly number[], available: number): number[] {
  const widths = [...wanted];
  let over = widths.reduce((sum, width) => sum + width, 0) - available;
  while (over > 0) {
    const widest = Math.max(...widths);
    if (widest <= CELLS_MIN) break; // The line is then cut as a whole.
    const index = widths.lastIndexOf(widest);
    widths[index] = widest - 1;
    over--;
  }
  return widths;
}
