import { useState } from "preact/hooks";
import type { ProfilesReply } from "../../../gateway/describe-profiles.ts";
import type { Standing } from "../../../gateway/standing.ts";
import { GRID_SIZE, gridThreshold } from "../../../resonance/precision-curve.ts";
import { act } from "../api.ts";
import { count, percent } from "../format.ts";
import { Chart, Figure, type Line } from "../parts/chart.tsx";
import { ConfirmButton } from "../parts/confirm.tsx";
import { Fact, Facts } from "../parts/facts.tsx";
import { Numbers, Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import { pointAt } from "./curve.ts";

const LINES: readonly Pick<Line, "name" | "colour" | "dashed">[] = [
  { name: "precision", colour: "--series-1" },
  { name: "at least, with confidence", colour: "--series-1", dashed: true },
  { name: "reach", colour: "--series-2" },
];

/** What a segment's threshold is worth, and who would move with another one; an operator puts it in force. */
export function ThresholdPanel({
  map,
  version,
  changed,
}: {
  map: ProfilesReply;
  version: number;
  changed: () => void;
}) {
  const [segment, setSegment] = useState(map.segments[0]?.segment ?? "");
  const [chosen, setChosen] = useState<number>();
  const [told, setTold] = useState<string>();
  const query = new URLSearchParams({ segment });
  const standing = useData<Standing>(`segments/${encodeURIComponent(map.map)}/standing?${query}`, 10_000);
  const curve = map.quality?.curves.find((one) => one.segment === segment);
  const inForce = map.segments.find((one) => one.segment === segment)?.threshold?.enter;
  // Thresholds are looked at along a grid of whole percents.
  const index = Math.min(GRID_SIZE - 1, Math.max(0, (chosen ?? Math.round(100 * (inForce ?? 0.5))) - 1));
  const threshold = gridThreshold(index);
  const put = async (): Promise<void> => {
    const given = { segment, enter: threshold, version };
    await act("POST", `segments/${encodeURIComponent(map.map)}/threshold`, given);
    setTold(`${segment} resonates from ${percent(threshold, 0)} on, with the next profiles.`);
    setChosen(undefined);
    changed();
  };
  return (
    <Panel
      title="Threshold"
      hint="Precision: of held-out members who would resonate, the share that belongs. Reach: the share of all that would. Active visitors would enter or leave with their next event."
      actions={
        <label class="field-inline">
          <span>Segment</span>
          <select
            class="select"
            value={segment}
            onChange={(event) => {
              setSegment(event.currentTarget.value);
              setChosen(undefined);
              setTold(undefined);
            }}
          >
            {map.segments.map((one) => (
              <option key={one.segment} value={one.segment}>
                {one.segment}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {curve === undefined || curve.threshold.length === 0 ? (
        <Empty title="No curve yet">
          It is measured on held-out members when an encoder is fitted: run <code>resonance train</code> once
          there are members of every segment.
        </Empty>
      ) : (
        <Figure
          lines={LINES}
          caption={`${segment}: by threshold, as measured on ${count(map.quality?.users ?? 0)} held-out members`}
        >
          <Chart
            label={`Precision and reach of ${segment} by threshold. At ${percent(threshold, 0)}: ${wordsAt(curve, threshold)}.`}
            x={curve.threshold}
            lines={[
              { ...LINES[0]!, values: curve.precision },
              { ...LINES[1]!, values: curve.bound, width: 1 },
              { ...LINES[2]!, values: curve.share },
            ]}
            xLabel="threshold"
            yLabel="share"
            xRange={[0, 1]}
            yRange={[0, 1.02]}
            formatX={(x) => percent(x, 0)}
            formatY={(y) => percent(y, 0)}
            marks={[
              ...(inForce === undefined ? [] : [{ x: inForce, colour: "--ink-2", dashed: true }]),
              { x: threshold, colour: "--ink" },
            ]}
            picked={(at) => setChosen(Math.round(100 * (curve.threshold[at] ?? 0.5)))}
          />
          <Numbers what="Precision and reach">
            <table class="table table-tight">
              <thead>
                <tr>
                  {["threshold", "precision", "at least", "reach"].map((name) => (
                    <th scope="col" class="number" key={name}>
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {curve.threshold.map((at, i) => (
                  <tr key={at}>
                    <th scope="row" class="number">
                      {percent(at, 0)}
                    </th>
                    <td class="number">{percent(curve.precision[i] ?? 0, 1)}</td>
                    <td class="number">{percent(curve.bound[i] ?? 0, 1)}</td>
                    <td class="number">{percent(curve.share[i] ?? 0, 1)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Numbers>
        </Figure>
      )}
      <label class="slider">
        <span>
          {segment} would resonate from {percent(threshold, 0)} on
        </span>
        <input
          type="range"
          min={1}
          max={GRID_SIZE}
          value={index + 1}
          aria-valuetext={percent(threshold, 0)}
          onInput={(event) => setChosen(Number(event.currentTarget.value))}
        />
      </label>
      <Preview standing={standing.value} index={index} curve={curve} threshold={threshold} />
      <div class="button-row">
        <ConfirmButton
          label={`Put ${percent(threshold, 0)} in force…`}
          title="Put this threshold in force?"
          yes="Put it in force"
          hindrance={
            inForce !== undefined && Math.abs(inForce - threshold) < 1e-9
              ? "It is in force already"
              : undefined
          }
          act={put}
        >
          {segment} of {map.map} gets the fixed threshold {percent(threshold, 0)} in the segment definitions
          (now v{version}), in the place of {inForce === undefined ? "none" : percent(inForce, 0)}. Profiles
          stay as they are. A segments file that the node is started with puts its own back.
        </ConfirmButton>
      </div>
      <p class="hint" role="status">
        {told}
      </p>
    </Panel>
  );
}

function Preview({
  standing,
  index,
  curve,
  threshold,
}: {
  standing: Standing | undefined;
  index: number;
  curve: Parameters<typeof pointAt>[0] | undefined;
  threshold: number;
}) {
  const point = curve === undefined ? undefined : pointAt(curve, threshold);
  const { moves } = standing ?? {};
  return (
    <Facts>
      <Fact name="precision there">{point === undefined ? "–" : percent(point.precision)}</Fact>
      <Fact name="reach there">{point === undefined ? "–" : percent(point.share)}</Fact>
      <Fact name="would enter" tone="good">
        {moves === undefined ? "…" : `+${count(moves.entering[index] ?? 0)}`}
      </Fact>
      <Fact name="would leave" tone="bad">
        {moves === undefined ? "…" : `−${count(moves.leaving[index] ?? 0)}`}
      </Fact>
      <Fact name="resonating now">
        {moves === undefined ? "…" : `${count(moves.resonating)} of ${count(moves.users)}`}
      </Fact>
    </Facts>
  );
}

function wordsAt(curve: Parameters<typeof pointAt>[0], threshold: number): string {
  const point = pointAt(curve, threshold);
  if (point === undefined) return "nobody passes";
  return `precision ${percent(point.precision)}, reach ${percent(point.share)}`;
}
