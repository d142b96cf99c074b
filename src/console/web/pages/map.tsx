import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function MapPage() {
  return (
    <Page title="Resonance map">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
