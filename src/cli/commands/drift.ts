import type { Command } from "commander";
import { ask } from "../../actors/ask.ts";
import type { DriftReport } from "../../drift-monitor.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatCount, formatSpan } from "../view/format-number.ts";
import { renderTable, type TableColumn } from "../view/table.ts";

const PATIENCE_MS = 120_000;
const BAR_CELLS = 20;
/** Where the bar of a feature is full: twice what counts as a shift. */
const PSI_FULL = 0.4;
const DAY_MS = 86_400_000;

/** `resonance drift`: how far users, probabilities and profiles are from what the release in force was fitted on. */
export function addDriftCommand(program: Command): void {
  withClientOptions(program.command("drift"))
    .description(
      "measure how far the release in force has drifted: features, log-loss, calibration, profiles",
    )
    .option("--sample <n>", "users looked at at most", wholeNumber(1), 2_000)
    .action(
      runs(async (options: ClientOptions & { json: boolean; sample: number }) => {
        const client = await connectClient(options, "resonance drift");
        try {
          const subject = client.subjects.profileActor("drift");
          const request = { sample: options.sample };
          const report = (await ask(client.bus, subject, request, PATIENCE_MS)) as DriftReport;
          print(options.json, report, () => draw(report));
        } finally {
          await client.close();
        }
      }),
    );
}

function draw({ now, history, alerts, hasDistribution, centroids }: DriftReport): string[] {
  const width = process.stdout.columns ?? 100;
  const right = (title: string): TableColumn => ({ title, align: "right" });
  const own = history.filter(({ encoder }) => encoder === now.encoder);
  const dayBefore = own.find(({ atMs }) => atMs >= now.atMs - DAY_MS);
  const maps = Object.entries(now.maps).map(([map, drift]) => {
    const was = dayBefore?.maps[map];
    const first = own[0]?.maps[map];
    const change = (then: number | undefined): string =>
      then === undefined || then === 0 ? "-" : `${(100 * (drift.nll / then - 1)).toFixed(1)} %`;
    if (drift.members === 0) return [map, "0", "-", "-", "-", "-", "-", "-"]; // Nobody new: nothing is known.
    return [
      map,
      formatCount(drift.members),
      drift.nll.toFixed(4),
      change(first?.nll),
      change(was?.nll),
      drift.ece.toFixed(3),
      drift.eceByChance.toFixed(3),
      `${(100 * drift.none).toFixed(1)} %`,
    ];
  });
  const mapColumns = ["new members", "log-loss", "since first", "in a day", "ECE", "by chance", "none"].map(
    right,
  );
  const features = now.psi.map(({ feature, psi }) => {
    const cells = Math.round(BAR_CELLS * Math.min(1, psi / PSI_FULL));
    return [feature, psi.toFixed(3), "█".repeat(cells).padEnd(BAR_CELLS, "·")];
  });
  const profiles = centroids.map((one) => [
    one.map,
    one.segment,
    formatCount(one.members),
    formatCount(one.samples),
    one.meanAgeMs === null ? "-" : formatSpan(one.meanAgeMs),
    one.newestMs === null ? "-" : formatSpan(one.newestMs),
  ]);
  const profileColumns = [
    { title: "map" },
    { title: "segment" },
    ...["members", "samples", "mean age", "newest"].map(right),
  ];
  return [
    `encoder ${now.encoder} · ${formatCount(now.users)} users in memory · measured ${own.length} times`,
    ...(alerts.length === 0
      ? ["no alert"]
      : alerts.map(
          ({ kind, of, value, limit }) => `ALERT ${kind} of ${of}: ${value.toFixed(4)} > ${limit.toFixed(4)}`,
        )),
    "",
    ...renderTable([{ title: "map" }, ...mapColumns], maps, width),
    "",
    ...(hasDistribution
      ? renderTable([{ title: "feature" }, right("PSI"), { title: "0.2 is the middle" }], features, width)
      : ["features: this release was stored without their distribution"]),
    "",
    ...renderTable(profileColumns, profiles, width),
  ];
}
