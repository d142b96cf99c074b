import type { MeasuredView, PrivacyView } from "../../state-routes.ts";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { ConsentPanel } from "../privacy/consent-panel.tsx";
import { ErasurePanel } from "../privacy/erasure-panel.tsx";
import { PrivateMapPanel } from "../privacy/private-map-panel.tsx";
import { mayAct } from "../session.ts";
import { useData } from "../use-data.ts";
import "../views.css";

const EVERY_MS = 10_000;

/** What is promised of everybody's privacy, what of it is spent, and what visitors allow. */
export function PrivacyPage() {
  const data = useData<PrivacyView>("privacy", EVERY_MS);
  // Once for every look: measuring takes the profile actor a moment.
  const utility = useData<MeasuredView>(mayAct.value ? "privacy/measured" : undefined);
  return (
    <Page
      title="Privacy"
      intro="What private maps promise and have spent, what may be done with whose behaviour, and erasures under way."
    >
      <WhenLoaded data={data} what="privacy">
        {(view) => (
          <>
            {view.maps.length === 0 ? (
              <Panel title="Private maps">
                <Empty title="No map is private">
                  Profiles are exact averages of their members. Give a map <code>{'"privacy": {}'}</code> in
                  its definition to have them noised: docs/privacy.md tells what that promises and costs.
                </Empty>
              </Panel>
            ) : (
              view.maps.map((map) => <PrivateMapPanel key={map.map} map={map} utility={utility} />)
            )}
            <div class="columns">
              <ConsentPanel view={view} />
              <ErasurePanel view={view} />
            </div>
          </>
        )}
      </WhenLoaded>
    </Page>
  );
}
