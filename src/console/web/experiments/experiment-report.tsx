import { useState } from "preact/hooks";
import type { ReportedMetric } from "../../../experiments/report.ts";
import { SAMPLE_RATIO_ALARM } from "../../../experiments/sample-ratio.ts";
import type { ExperimentReportReply } from "../../../gateway/experiments.ts";
import { act } from "../api.ts";
import { count, figure, moment, percent, signedPercent, span } from "../format.ts";
import { ConfirmButton } from "../parts/confirm.tsx";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { IntervalChart } from "./interval-chart.tsx";
import { REASONS, VerdictTag } from "./verdict.tsx";

/** What an experiment has shown so far. */
export function ExperimentReport({
  report,
  changed,
}: {
  report: ExperimentReportReply;
  changed: () => void;
}) {
  const [told, setTold] = useState<string>();
  const { experiment, started, stopped, sampleRatio } = report;
  const stop = async (): Promise<void> => {
    await act("POST", `experiments/${encodeURIComponent(experiment)}/stop`);
    setTold("It is stopped.");
    changed();
  };
  return (
    <>
      <Panel
        title="Verdict"
        actions={
          stopped === null ? (
            <ConfirmButton
              label="Stop the experiment…"
              title={`Stop ${experiment}?`}
              yes="Stop it"
              tone="danger"
              act={stop}
            >
              Nobody is assigned or counted any more, and everybody gets what the placement chooses by itself.
              The report stays. An experiment can't be started again under its name.
            </ConfirmButton>
          ) : (
            <Tag>stopped {moment(stopped)}</Tag>
          )
        }
      >
        {report.verdicts.map(({ arm, kind, because }) => (
          <p key={arm}>
            <strong>{arm}</strong>: <VerdictTag kind={kind} /> since {REASONS[because]}.
          </p>
        ))}
        <Facts>
          <Fact name="placement">{report.placement}</Fact>
          <Fact name={stopped === null ? "runs for" : "ran for"}>
            {span((stopped ?? Date.now()) - started)}
          </Fact>
          <Fact name="units">
            {count(report.units)} of {count(report.plannedUnits)} planned
          </Fact>
          <Fact name="looks">{count(report.looks)}</Fact>
          <Fact name="split" tone={sampleRatio.alarm ? "bad" : "good"}>
            {sampleRatio.alarm ? "broken" : "as it should be"}
          </Fact>
          <Fact name="evidence against the split">
            {sampleRatio.logE === null
              ? "–"
              : `${sampleRatio.logE.toFixed(1)} of ${SAMPLE_RATIO_ALARM.toFixed(1)} for an alarm`}
          </Fact>
        </Facts>
        <p class="hint" role="status">
          {told}
        </p>
      </Panel>
      <IntervalChart report={report} />
      <MetricPanel
        report={report}
        metric={report.primary}
        title={`Primary metric: ${report.primary.metric}`}
      />
      {report.guardrails.map((guardrail) => (
        <MetricPanel
          key={guardrail.metric}
          report={report}
          metric={guardrail}
          title={`Guardrail: ${guardrail.metric}`}
          hint={`It may be harmed by ${percent(guardrail.harmMax)} at most. ${guardrail.states
            .map(({ arm, state }) => `${arm}: ${state}`)
            .join(", ")}.`}
        />
      ))}
    </>
  );
}

function MetricPanel({
  report,
  metric,
  title,
  hint,
}: {
  report: ExperimentReportReply;
  metric: ReportedMetric;
  title: string;
  hint?: string;
}) {
  const better = `Better if it ${metric.goal}s.`;
  const covariate =
    metric.varianceExplained > 0.005
      ? ` What was known before explains ${percent(metric.varianceExplained)} of the variance, and is taken out.`
      : "";
  return (
    <Panel title={title} hint={[hint, better + covariate].filter((part) => part !== undefined).join(" ")}>
      <TableRoom label={title}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">arm</th>
              <th scope="col">policy</th>
              {["units", "above 0", "raw", "adjusted", "lift"].map((name) => (
                <th scope="col" class="number" key={name}>
                  {name}
                </th>
              ))}
              <th scope="col">interval, always valid</th>
              <th scope="col" class="number">
                p
              </th>
              <th scope="col" class="number">
                chance to be better
              </th>
            </tr>
          </thead>
          <tbody>
            {metric.means.map(({ arm, raw, mean, converted }, i) => {
              const lift = metric.lifts[i - 1]; // Control has none.
              return (
                <tr key={arm}>
                  <th scope="row">{arm}</th>
                  <td>{report.arms[i]?.policy}</td>
                  <td class="number">{count(report.arms[i]?.units ?? 0)}</td>
                  <td class="number">{count(converted)}</td>
                  <td class="number">{figure(raw)}</td>
                  <td class="number">{figure(mean)}</td>
                  <td class="number">
                    {lift === undefined || lift.lift === null ? "–" : signedPercent(lift.lift)}
                  </td>
                  <td class="keep">{lift === undefined ? "–" : intervalWords(lift.interval)}</td>
                  <td class="number">
                    {lift === undefined || lift.p === null ? "–" : lift.p.toPrecision(2)}
                  </td>
                  <td class="number">
                    {lift === undefined || lift.bayes === null ? "–" : percent(lift.bayes.chanceToWin)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableRoom>
    </Panel>
  );
}

function intervalWords({ lower, upper }: ReportedMetric["lifts"][number]["interval"]): string {
  return lower === null || upper === null ? "not yet" : `${signedPercent(lower)} to ${signedPercent(upper)}`;
}
