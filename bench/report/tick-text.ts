import { figure } from "../harness/result-table.ts";

/** A figure as an axis has room for it: `1,024`, `250k`, `1.5M`. */
export function tickText(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (Math.abs(value) >= 10_000) return `${Number((value / 1_000).toPrecision(3))}k`;
  return figure(value);
}
