import type { VisitorLens } from "../../../gateway/visitor-lens.ts";
import { percent } from "../format.ts";
import { Chart, Figure, type Line } from "../parts/chart.tsx";
import { Numbers } from "../parts/panel.tsx";
import { QUIET_COLOUR, seriesColour } from "../series-colours.ts";

/** Segments that get a line of their own. */
const LINES_MAX = 6;

/** How the probabilities moved from event to event; a click on the chart chooses one. */
export function JourneyChart({
  lens,
  chosen,
  choose,
}: {
  lens: VisitorLens;
  /** Number of the chosen event. */
  chosen: number | undefined;
  choose: (done: number) => void;
}) {
  const { points, isExact, mode } = lens;
  const lines = linesOf(lens);
  const x = points.map(({ done }) => done);
  const last = points.at(-1);
  const summary = lines
    .map(({ name, values }) => `${name} from ${percent(values[0] ?? 0)} to ${percent(values.at(-1) ?? 0)}`)
    .join(", ");
  return (
    <Figure
      lines={lines}
      caption={
        isExact
          ? "Each point is the visitor scored again as they were after that event, with what is in force now."
          : "Older events are not kept one by one: points before the last leave newer events out, with the features as they are now."
      }
    >
      <Chart
        label={`Probability of each segment after each event: ${summary}.`}
        x={x}
        lines={lines}
        xLabel="events done"
        yLabel={mode === "exclusive" ? "probability" : "probability of each by itself"}
        xRange={[x[0] ?? 0, Math.max((x[0] ?? 0) + 1, x.at(-1) ?? 0)]}
        yRange={[0, 1]}
        formatX={(done) => (Number.isInteger(done) ? String(done) : "")}
        formatY={(share) => percent(share, 0)}
        marks={chosen === undefined ? [] : [{ x: chosen, colour: "--ink-2", dashed: true }]}
        picked={(index) => choose(Math.max(points[index]?.done ?? 0, points[1]?.done ?? 0))}
        height={300}
      />
      {last === undefined ? null : (
        <Numbers what="Probabilities after each event">
          <table class="table table-tight">
            <thead>
              <tr>
                <th scope="col">events</th>
                {lines.map(({ name }) => (
                  <th scope="col" class="number" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {points.map(({ done }, i) => (
                <tr key={done}>
                  <th scope="row">{done}</th>
                  {lines.map(({ name, values }) => (
                    <td class="number" key={name}>
                      {percent(values[i] ?? 0, 1)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Numbers>
      )}
    </Figure>
  );
}

/** The strongest segments, all others together, and none. */
function linesOf({ points, segments, mode }: VisitorLens): readonly Line[] {
  const peak = (k: number): number => Math.max(...points.map(({ probabilities }) => probabilities[k] ?? 0));
  const places = [...segments.keys()].sort((a, b) => peak(b) - peak(a));
  const [own, others] = [places.slice(0, LINES_MAX), places.slice(LINES_MAX)];
  const hasPoints = points.length <= 30;
  const lines: Line[] = own.map((k) => ({
    name: segments[k] ?? "",
    values: points.map(({ probabilities }) => probabilities[k] ?? 0),
    colour: seriesColour(k),
    hasPoints,
  }));
  if (mode !== "exclusive") return lines;
  if (others.length > 0)
    lines.push({
      name: `${others.length} others`,
      values: points.map(({ probabilities }) => others.reduce((sum, k) => sum + (probabilities[k] ?? 0), 0)),
      colour: QUIET_COLOUR,
    });
  const none = segments.length;
  return [
    ...lines,
    {
      name: "none",
      values: points.map(({ probabilities }) => probabilities[none] ?? 0),
      colour: QUIET_COLOUR,
      dashed: true,
    },
  ];
}
