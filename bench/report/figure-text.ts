/** A figure with as many digits as say something: `182,340`, `12.4`, `0.0312`; a dash for what is no number. */
export function figureText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(3)));
}

/** A figure as an axis has room for it: `1,024`, `250k`, `1.5M`. */
export function tickText(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (Math.abs(value) >= 10_000) return `${Number((value / 1_000).toPrecision(3))}k`;
  return figureText(value);
}
