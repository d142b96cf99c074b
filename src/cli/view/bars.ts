const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
const HEIGHTS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** A share as a bar of at most `cells`, in steps of an eighth of a cell; not padded. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(clampShare(share) * Math.max(0, cells) * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}

/**
 * A number as a bar from the middle of `2 x cells + 1` cells: to the right above 0, to the left below. Always that wide.
 *
 * @param largest - What fills one half.
 */
export function signedBar(value: number, largest: number, cells: number): string {
  const share = largest > 0 ? Math.abs(value) / largest : 0;
  const right = value > 0 ? bar(share, cells) : "";
  const left = value < 0 ? "█".repeat(Math.round(clampShare(share) * cells)) : "";
  return `${left.padStart(cells)}│${right.padEnd(cells)}`;
}

/**
 * Numbers as a row of columns, one cell each, as high as their share of the largest; only the newest fit.
 *
 * @param values - Not negative, oldest first; what is not finite leaves a gap.
 */
export function sparkline(values: readonly number[], cells: number): string {
  const shown = cells > 0 ? values.slice(-cells) : [];
  const top = Math.max(0, ...shown.filter(Number.isFinite));
  return shown
    .map((value) => {
      if (!Number.isFinite(value)) return " ";
      const height = top > 0 ? Math.ceil(clampShare(value / top) * HEIGHTS.length) : 0;
      return HEIGHTS[Math.max(0, height - 1)] ?? " ";
    })
    .join("");
}

function clampShare(share: number): number {
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}
