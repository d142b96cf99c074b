import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function SegmentsPage() {
  return (
    <Page title="Segments">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
