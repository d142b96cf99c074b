/**
 * An interval on a scale from 0, with its middle: `──●────` where it lies, blanks elsewhere. Always `cells` wide.
 *
 * @param top - What the last cell stands for, > 0.
 */
export function intervalBar(
  { low, middle, high }: Readonly<{ low: number; middle: number; high: number }>,
  top: number,
  cells: number,
): string {
  const cellOf = (value: number): number => {
    const share = top > 0 && Number.isFinite(value) ? value / top : 0;
    return Math.min(cells - 1, Math.max(0, Math.floor(share * cells)));
  };
  const [from, at, to] = [cellOf(low), cellOf(middle), cellOf(high)];
  return Array.from({ length: Math.max(0, cells) }, (_, cell) => {
    if (cell === at) return "●";
    return cell >= from && cell <= to ? "─" : " ";
  }).join("");
}
