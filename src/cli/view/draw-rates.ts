import pc from "picocolors";
import type { RatesReply, RateView } from "../../gateway/describe-rates.ts";
import { withoutControls } from "./cell-width.ts";
import { formatCount, formatSpan } from "./format-number.ts";
import { intervalBar } from "./interval-bar.ts";
import { renderTable } from "./table.ts";

/** Cells beside the bar: names, counts, rate and interval. */
const BESIDE_CELLS = 66;
const BAR_CELLS = { min: 12, max: 48 } as const;

/** Draws rates as a table with an interval a line, all of a placement on one scale; the best content first. */
export function drawRates(reply: RatesReply, columns: number): string[] {
  const ofWhen = reply.ageMs === null ? "" : ` · newest impression ${formatSpan(reply.ageMs)} ago`;
  const head =
    reply.version === 0 ? "nothing was heard of any content yet" : `rates v${reply.version}${ofWhen}`;
  const cells = Math.min(BAR_CELLS.max, Math.max(BAR_CELLS.min, columns - BESIDE_CELLS));
  return [
    head,
    ...reply.placements.flatMap((placement) => ["", ...drawPlacement(placement, columns, cells)]),
  ];
}

function drawPlacement(
  { placement, map, trust, contents }: RatesReply["placements"][number],
  columns: number,
  cells: number,
): string[] {
  const all = contents.flatMap(({ rates }) => rates);
  const top = Math.max(0, ...all.map(({ interval: [, high] }) => high));
  const overall = (rates: readonly RateView[]): number =>
    rates.find(({ segment }) => segment === null)?.rate ?? rates[0]?.rate ?? 0;
  const rows = [...contents]
    .sort((one, other) => overall(other.rates) - overall(one.rates))
    .flatMap(({ content, rates }) =>
      rates.map((rate, i) => [i === 0 ? content : "", ...rowOf(rate, top, cells)]),
    );
  const titles = [
    { title: "content" },
    { title: "segment" },
    { title: "shown", align: "right" },
    { title: "clicked", align: "right" },
    { title: "95 %", align: "right" },
    { title: `0 to ${percent(top)}` },
  ] as const;
  return [
    `${pc.bold(withoutControls(placement))} by ${withoutControls(map)}${trust === null ? "" : ` · feedback counts ${trust.toFixed(1)} of what it says`}`,
    ...renderTable(titles, rows, columns),
  ];
}

function rowOf(
  { segment, shown, rate, interval: [low, high] }: RateView,
  top: number,
  cells: number,
): string[] {
  return [
    segment ?? "all users",
    formatCount(shown),
    percent(rate),
    `${percent(low)} – ${percent(high)}`,
    intervalBar({ low, middle: rate, high }, top, cells),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
