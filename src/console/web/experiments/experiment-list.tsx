import { Link } from "wouter-preact";
import type { ExperimentStatus } from "../../../gateway/experiments.ts";
import { ago, count, moment, percent } from "../format.ts";
import { Tag } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { VerdictTag } from "./verdict.tsx";

/** All experiments, one a row. */
export function ExperimentList({ experiments }: { experiments: readonly ExperimentStatus[] }) {
  return (
    <Panel title="All">
      <TableRoom label="Experiments">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">experiment</th>
              <th scope="col">placement</th>
              <th scope="col">runs</th>
              <th scope="col">units by arm</th>
              <th scope="col" class="number">
                of planned
              </th>
              <th scope="col">split</th>
              <th scope="col">verdict</th>
            </tr>
          </thead>
          <tbody>
            {experiments.map((one) => (
              <tr key={one.experiment}>
                <th scope="row">
                  <Link href={`/experiments/${encodeURIComponent(one.experiment)}`}>{one.experiment}</Link>
                </th>
                <td>{one.placement}</td>
                <td title={moment(one.stopped ?? one.started)}>
                  {one.stopped === null ? `since ${ago(one.started)}` : `stopped ${ago(one.stopped)}`}
                </td>
                <td>{one.arms.map(({ arm, units }) => `${arm} ${count(units)}`).join(", ")}</td>
                <td class="number">{percent(one.units / one.plannedUnits, 0)}</td>
                <td>
                  {one.sampleRatioAlarm ? (
                    <Tag tone="bad">broken</Tag>
                  ) : (
                    <Tag tone="good">as it should be</Tag>
                  )}
                </td>
                <td>
                  {one.verdicts.map(({ arm, kind }) => (
                    <span key={arm}>
                      {arm}: <VerdictTag kind={kind} />
                    </span>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
    </Panel>
  );
}
