import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function VisitorPage() {
  return (
    <Page title="Visitor lens">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
