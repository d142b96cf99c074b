import type { ExperimentReportReply } from "../../../gateway/experiments.ts";
import { clock, count, moment, signedPercent } from "../format.ts";
import { Chart, Figure } from "../parts/chart.tsx";
import { Numbers, Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { seriesColour } from "../series-colours.ts";

/** From this part of the looks on an interval fits into its drawing: the first ones are too wide to show anything. */
const SHOWN_FROM = 0.3;

type Look = Readonly<{ atMs: number; units: number; lift: number; lower: number; upper: number }>;

/** For each arm the interval that all looks leave, over time. */
export function IntervalChart({ report }: { report: ExperimentReportReply }) {
  const { primary } = report;
  return (
    <>
      {primary.lifts.map(({ arm }, place) => (
        <ArmChart key={arm} report={report} arm={arm} place={place} />
      ))}
    </>
  );
}

function ArmChart({ report, arm, place }: { report: ExperimentReportReply; arm: string; place: number }) {
  const looks = report.overTime.flatMap(({ atMs, units, lifts }): Look[] => {
    const one = lifts[place];
    if (one === null || one === undefined || one.lower === null || one.upper === null) return [];
    return [{ atMs, units, lift: one.lift, lower: one.lower, upper: one.upper }];
  });
  const title = `Lift of ${arm} in ${report.primary.metric}, over time`;
  const last = looks.at(-1);
  if (last === undefined || looks.length < 2)
    return (
      <Panel title={title}>
        <Empty title="Too early to draw">
          An arm is looked at once it has 200 units of which 10 are above 0. Until then there is no interval.
        </Empty>
      </Panel>
    );
  const fitting = looks.slice(Math.floor(looks.length * SHOWN_FROM));
  const low = Math.min(0, ...fitting.map(({ lower, lift }) => Math.min(lower, lift)));
  const high = Math.max(0, ...fitting.map(({ upper, lift }) => Math.max(upper, lift)));
  const room = (high - low) * 0.08;
  const colour = seriesColour(place);
  return (
    <Panel
      title={title}
      hint="The band is what the intervals of all looks hold together: it can only become narrower."
    >
      <Figure
        caption={`Now ${signedPercent(last.lift)}, in ${signedPercent(last.lower)} to ${signedPercent(last.upper)}. The dashed line is no difference.`}
        lines={[
          { name: "interval, always valid", colour },
          { name: "estimate of each look", colour: "--ink", dashed: true },
        ]}
      >
        <Chart
          label={`${title}: now ${signedPercent(last.lift)}, between ${signedPercent(last.lower)} and ${signedPercent(last.upper)}, after ${looks.length} looks.`}
          x={looks.map(({ atMs }) => atMs / 1_000)}
          xIsTime
          lines={[
            { name: "upper", values: looks.map(({ upper }) => upper), colour, width: 2 },
            { name: "lower", values: looks.map(({ lower }) => lower), colour, width: 2 },
            {
              name: "estimate",
              values: looks.map(({ lift }) => lift),
              colour: "--ink",
              dashed: true,
              width: 1,
            },
          ]}
          bands={[[0, 1]]}
          xLabel="time"
          yLabel="lift"
          yRange={[low - room, high + room]}
          formatX={(seconds) => clock(1_000 * seconds)}
          formatY={(y) => signedPercent(y, high - low > 0.1 ? 0 : 1)}
          levels={[{ y: 0, colour: "--ink-2" }]}
        />
        <Numbers what="Intervals over time">
          <table class="table table-tight">
            <thead>
              <tr>
                <th scope="col">look</th>
                {["units", "estimate", "from", "to"].map((name) => (
                  <th scope="col" class="number" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {looks.toReversed().map(({ atMs, units, lift, lower, upper }) => (
                <tr key={atMs}>
                  <th scope="row">{moment(atMs)}</th>
                  <td class="number">{count(units)}</td>
                  <td class="number">{signedPercent(lift)}</td>
                  <td class="number">{signedPercent(lower)}</td>
                  <td class="number">{signedPercent(upper)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Numbers>
      </Figure>
    </Panel>
  );
}
