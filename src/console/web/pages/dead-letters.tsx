import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function DeadLettersPage() {
  return (
    <Page title="Dead letters">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
