import { credibleInterval } from "../beta.ts";
import { clickPosterior, type RateTable } from "../rate-table.ts";

/** How often credible intervals held the truth. */
export type IntervalCoverage = Readonly<{
  /** Level of the intervals. */
  level: number;
  /** Cells with enough behind them to be asked. */
  cells: number;
  /** Share of those whose interval held the true rate; null if there are none. */
  covered: number | null;
  /** Mean width of their intervals; null if there are none. */
  width: number | null;
}>;

const LEVEL = 0.95;
/** A cell with fewer impressions tells what its content's or placement's rate is. */
const SHOWN_MIN = 30;

/** @param truth - True rates; shape [segments, contents]. */
export function intervalCoverage(table: RateTable, truth: Float64Array): IntervalCoverage {
  const { segments, contents, shown } = table;
  let [cells, covered, width] = [0, 0, 0];
  for (let k = 0; k < segments.length; k++) {
    for (let c = 0; c < contents.length; c++) {
      const at = k * contents.length + c;
      if (shown[at]! < SHOWN_MIN) continue;
      const [low, high] = credibleInterval(clickPosterior(table, k, c), LEVEL);
      cells++;
      width += high - low;
      if (low <= truth[at]! && truth[at]! <= high) covered++;
    }
  }
  const mean = (sum: number): number | null => (cells === 0 ? null : sum / cells);
  return { level: LEVEL, cells, covered: mean(covered), width: mean(width) };
}
