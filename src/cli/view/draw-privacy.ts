import type { PrivacyReport } from "../../gateway/privacy-report.ts";
import { bandedGain } from "../../privacy/banded-noise.ts";
import type { PrivateQuality, Spread } from "../privacy/private-quality.ts";
import type { PrivateRecording } from "../privacy/report-on-recording.ts";
import { formatCount } from "./format-number.ts";
import { renderTable, type TableColumn } from "./table.ts";

const HOUR_MS = 3_600_000;
/** What is gained by less is not worth to keep exact sums for. */
const GAIN_TOLD = 1.2;
/** Of more segments the least and the greatest cosine are told. */
const SEGMENTS_TOLD = 3;
const right = (title: string): TableColumn => ({ title, align: "right" });

/** What private maps promise, have spent, and what the noise does to their profiles. */
export function drawPrivacyReport(maps: readonly PrivacyReport[], columns: number): string[] {
  if (maps.length === 0)
    return ['no map is private: give one "privacy": {} in its definition (docs/privacy.md)'];
  return maps.flatMap((map, at) => [...(at === 0 ? [] : [""]), ...drawMap(map, columns)]);
}

function drawMap(map: PrivacyReport, columns: number): string[] {
  const { window, lifetime, measured } = map;
  const lives = map.lifetimes.map(({ buckets, epsilon }) => `${formatCount(buckets)}: ${epsilon.toFixed(2)}`);
  const lines = [
    `${map.map}: epsilon ${map.epsilon}, delta ${map.delta} for a user's ${map.contributions} contributions to any ${spanOf(map.windowMs)}`,
    `newest window: epsilon ${window.epsilon.toFixed(3)} (${window.exact.toFixed(3)} for continuous noise), ${(100 * window.share).toFixed(1)} % of the budget · refused ${formatCount(map.refused)} · waiting for noise ${formatCount(map.waiting)}`,
    `all ${formatCount(lifetime.releases)} releases ever: epsilon ${lifetime.epsilon.toFixed(3)} for a user in each of them · by active buckets, at this noise: ${lives.join(", ")}`,
    `noise: sigma ${map.sigma.toFixed(3)} a bucket, ${map.noise.toFixed(3)} in the sum of ${map.buckets} buckets`,
  ];
  if (map.contributions < map.windowBuckets)
    lines.splice(
      1,
      0,
      "that is one who was not erased meanwhile: who comes back after it under the same id is somebody new",
    );
  const gain = bandedGain({ contributions: map.contributions, buckets: map.windowBuckets });
  if (gain > GAIN_TOLD)
    lines.push(
      `noise that is correlated between buckets would be ${gain.toFixed(1)} times less; the engine has none`,
    );
  if (measured === null) return [...lines, "nothing is noised yet"];
  const rows = measured.segments.map((one) => [
    one.segment,
    one.isShown ? "yes" : "no",
    formatCount(one.count),
    formatCount(one.exactCount),
    one.expected?.toFixed(3) ?? "-",
    one.measured?.toFixed(3) ?? "-",
  ]);
  const titles = ["shown", "contributions", "exactly", "cosine expected", "measured"].map(right);
  const { auc } = measured;
  return [
    ...lines,
    `a segment is shown from ${formatCount(Math.ceil(measured.leastCount))} contributions on`,
    ...renderTable([{ title: "segment" }, ...titles], rows, columns),
    auc === null
      ? "AUC: there are not two segments with members"
      : `AUC of ${formatCount(auc.members)} members: ${auc.exact.toFixed(4)} by exact profiles, ${auc.noisy.toFixed(4)} by noisy ones`,
    "exact figures are not covered by the noise: they are for whoever runs the engine",
  ];
}

/** What privacy costs on recorded events, averaged over splits. */
export function drawPrivateRecording(report: PrivateRecording, columns: number): string[] {
  const byMap = [...Map.groupBy(report.splits, ({ map }) => map)];
  const { buckets, contributions, delta, draws } = report;
  return [
    `${formatCount(report.events)} events · window of ${formatCount(buckets)} buckets, ${formatCount(contributions)} contributions a user at most, delta ${delta}, ${formatCount(draws)} draws a split`,
    ...byMap.flatMap(([map, splits]) => ["", ...drawSplits(map, splits, columns)]),
  ];
}

function drawSplits(map: string, splits: readonly PrivateQuality[], columns: number): string[] {
  const [first] = splits;
  if (first === undefined) return [];
  const mean = (of: (split: PrivateQuality) => number): number =>
    splits.reduce((sum, split) => sum + of(split), 0) / splits.length;
  const users = formatCount(mean((split) => split.users));
  const rows = first.cells.map((cell, c) => {
    const over = (of: (cell: PrivateQuality["cells"][number]) => number): number =>
      mean((split) => of(split.cells[c]!));
    const cosines = (of: (segment: (typeof cell.segments)[number]) => number): string => {
      const all = cell.segments.map((_, k) => over((one) => of(one.segments[k]!)));
      const told = all.length <= SEGMENTS_TOLD ? all : [Math.min(...all), Math.max(...all)];
      return told.map((cosine) => cosine.toFixed(3)).join(all.length <= SEGMENTS_TOLD ? " " : " to ");
    };
    return [
      String(cell.epsilon),
      cell.windowNoise.toFixed(2),
      spreadOver(splits.map((split) => split.cells[c]!.auc)),
      over((one) => one.servedAuc.mean).toFixed(3),
      `${(100 * over((one) => one.shown)).toFixed(0)} %`,
      cosines(({ expected }) => expected),
      cosines(({ measured }) => measured.mean),
    ];
  });
  const titles = ["epsilon", "noise", "AUC", "AUC shown", "all shown", "cosine expected", "measured"].map(
    right,
  );
  const members = first.segments.map(({ segment }, k) => {
    const count = mean((split) => split.segments[k]!.members);
    return `${segment} ${formatCount(count)} (${mean((split) => split.segments[k]!.signal).toFixed(0)})`;
  });
  return [
    `${map}: AUC ${mean(({ auc }) => auc).toFixed(4)} of ${users} masked users without noise, ${first.dim} dimensions, ${splits.length} splits`,
    `members (and length of their centred sum): ${members.join(", ")}`,
    ...renderTable(titles, rows, columns),
  ];
}

function spreadOver(spreads: readonly Spread[]): string {
  const mean = spreads.reduce((sum, one) => sum + one.mean, 0) / spreads.length;
  const deviation = spreads.reduce((sum, one) => sum + one.deviation, 0) / spreads.length;
  return `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
}

function spanOf(ms: number): string {
  const hours = ms / HOUR_MS;
  if (hours >= 48) return `${Number((hours / 24).toFixed(2))} days`;
  return hours >= 1 ? `${Number(hours.toFixed(2))} hours` : `${Math.round(ms / 1_000)} s`;
}
