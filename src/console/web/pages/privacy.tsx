import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";

export function PrivacyPage() {
  return (
    <Page title="Privacy">
      <Empty title="Nothing here yet">This view is being made.</Empty>
    </Page>
  );
}
