import type { ExperimentReportReply, ExperimentStatus } from "../../../gateway/experiments.ts";
import { ExperimentList } from "../experiments/experiment-list.tsx";
import { ExperimentReport } from "../experiments/experiment-report.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import "../views.css";

const EVERY_MS = 5_000;

/** Experiments, and the report of one. */
export function ExperimentsPage({ params }: { params: Readonly<Record<string, string | undefined>> }) {
  const name = params["experiment"];
  return name === undefined ? <All /> : <One key={name} name={name} />;
}

function All() {
  const data = useData<{ experiments: readonly ExperimentStatus[] }>("experiments", EVERY_MS);
  return (
    <Page
      title="Experiments"
      intro="Ways to choose content against each other. Intervals are valid at every look: look as often as you like, and stop when they tell."
    >
      <WhenLoaded data={data} what="the experiments">
        {({ experiments }) =>
          experiments.length === 0 ? (
            <Empty title="No experiment was ever started">
              Describe one in a file and start it with <code>resonance experiment define FILE</code>:
              docs/experiments.md shows how.
            </Empty>
          ) : (
            <ExperimentList experiments={experiments} />
          )
        }
      </WhenLoaded>
    </Page>
  );
}

function One({ name }: { name: string }) {
  const data = useData<ExperimentReportReply>(`experiments/${encodeURIComponent(name)}`, EVERY_MS);
  return (
    <Page title={`Experiment: ${name}`} intro={<a href="#/experiments">All experiments</a>}>
      <WhenLoaded data={data} what="the report">
        {(report) => <ExperimentReport report={report} changed={data.reload} />}
      </WhenLoaded>
    </Page>
  );
}
