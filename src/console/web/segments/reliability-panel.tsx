import type { ProfilesReply } from "../../../gateway/describe-profiles.ts";
import { count, percent } from "../format.ts";
import { Chart, Figure } from "../parts/chart.tsx";
import { Numbers, Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";

/** Whether probabilities are what they claim to be. */
export function ReliabilityPanel({ map }: { map: ProfilesReply }) {
  const bins = map.quality?.reliability ?? [];
  return (
    <Panel
      title="Reliability"
      hint={
        map.mode === "exclusive"
          ? "Of the strongest segment: how often it was right, by the probability that was told."
          : "Of every segment: how often it was right, by the probability that was told."
      }
    >
      {bins.length === 0 ? (
        <Empty title="Not measured yet">
          It is measured on held-out members when an encoder is fitted: run <code>resonance train</code>.
        </Empty>
      ) : (
        <Figure
          caption="On the line, probabilities are what they claim to be; below it they promise too much."
          lines={[
            { name: "held-out members", colour: "--series-1", isScatter: true },
            { name: "as claimed", colour: "--series-none", dashed: true },
          ]}
        >
          <Chart
            label={`Reliability: ${bins.map(({ confidence, observed }) => `told ${percent(confidence, 0)}, right ${percent(observed, 0)}`).join("; ")}.`}
            x={[0, ...bins.map(({ confidence }) => confidence), 1]}
            lines={[
              {
                name: "as claimed",
                values: [0, ...bins.map(({ confidence }) => confidence), 1],
                colour: "--series-none",
                dashed: true,
                width: 1,
              },
              {
                name: "held-out members",
                values: [null, ...bins.map(({ observed }) => observed), null],
                colour: "--series-1",
                isScatter: true,
              },
            ]}
            xLabel="probability told"
            yLabel="share that was right"
            xRange={[0, 1]}
            yRange={[0, 1.02]}
            formatX={(x) => percent(x, 0)}
            formatY={(y) => percent(y, 0)}
          />
          <Numbers what="Reliability">
            <table class="table table-tight">
              <thead>
                <tr>
                  {["told", "right", "claims"].map((name) => (
                    <th scope="col" class="number" key={name}>
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {bins.map(({ confidence, observed, n }) => (
                  <tr key={confidence}>
                    <th scope="row" class="number">
                      {percent(confidence, 1)}
                    </th>
                    <td class="number">{percent(observed, 1)}</td>
                    <td class="number">{count(n)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Numbers>
        </Figure>
      )}
    </Panel>
  );
}
