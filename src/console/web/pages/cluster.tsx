import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function ClusterPage() {
  return (
    <Page title="Cluster">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
