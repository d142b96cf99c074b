import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function ExperimentsPage() {
  return (
    <Page title="Experiments">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
