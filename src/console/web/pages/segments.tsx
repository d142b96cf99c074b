import { Link } from "wouter-preact";
import type { ProfilesReply } from "../../../gateway/describe-profiles.ts";
import type { Standing } from "../../../gateway/standing.ts";
import type { SegmentsView } from "../../segment-routes.ts";
import { count, percent, short, span } from "../format.ts";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { OverlapPanel } from "../segments/overlap-panel.tsx";
import { ReliabilityPanel } from "../segments/reliability-panel.tsx";
import { SegmentTable } from "../segments/segment-table.tsx";
import { ThresholdPanel } from "../segments/threshold-panel.tsx";
import { useData } from "../use-data.ts";
import "../views.css";

const EVERY_MS = 5_000;

/** The segments of each map: who belongs, how alike they are, how well they are told, and what another threshold would do. */
export function SegmentsPage({ params }: { params: Readonly<Record<string, string | undefined>> }) {
  const data = useData<SegmentsView>("segments", EVERY_MS);
  return (
    <Page
      title="Segments"
      intro="Profiles as they are published: their members, how alike they are, and how well held-out members are told by them."
    >
      <WhenLoaded data={data} what="the segments">
        {({ maps, version }) => {
          if (maps.length === 0)
            return (
              <Empty title="No segments are defined">
                Write them in a file and start the node with <code>--segments FILE</code>, or put them with{" "}
                <code>resonance request segments.put</code>: docs/segments.md shows how.
              </Empty>
            );
          const map = maps.find((one) => one.map === params["map"]) ?? maps[0]!;
          return (
            <>
              <MapTabs maps={maps} chosen={map.map} />
              <MapViews key={map.map} map={map} version={version} changed={data.reload} />
            </>
          );
        }}
      </WhenLoaded>
    </Page>
  );
}

function MapTabs({ maps, chosen }: { maps: readonly ProfilesReply[]; chosen: string }) {
  return (
    <nav aria-label="Maps of segments">
      <ul class="tabs">
        {maps.map(({ map }) => (
          <li key={map}>
            <Link
              href={`/segments/${encodeURIComponent(map)}`}
              class="tab"
              aria-current={map === chosen ? "page" : undefined}
            >
              {map}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function MapViews({ map, version, changed }: { map: ProfilesReply; version: number; changed: () => void }) {
  const standing = useData<Standing>(`segments/${encodeURIComponent(map.map)}/standing`, EVERY_MS);
  const { calibration, quality, privacy } = map;
  return (
    <>
      <Panel title={map.map}>
        <Facts>
          <Fact name="profiles">{map.version === 0 ? "not published yet" : `v${map.version}`}</Fact>
          <Fact name="newest sample">{map.ageMs === null ? "–" : `${span(map.ageMs)} ago`}</Fact>
          <Fact name="encoder">
            <code>{map.encoder === null ? "–" : short(map.encoder)}</code>
          </Fact>
          <Fact name="mode">{map.mode}</Fact>
          <Fact name="members of none">{count(map.background)}</Fact>
          <Fact name="calibrated on">{count(calibration?.members ?? 0)} members</Fact>
          {quality === null || quality === undefined ? null : (
            <>
              <Fact name="log loss, held out">{quality.logLoss.toFixed(3)} nats</Fact>
              <Fact name="calibration error">{percent(quality.ece, 1)}</Fact>
            </>
          )}
        </Facts>
        <div class="tags">
          {privacy === undefined ? null : <Tag tone="accent">private: counts are noisy</Tag>}
          {calibration?.context === undefined ? null : <Tag>first visits tell something</Tag>}
        </div>
        <SegmentTable map={map} standing={standing.value} />
      </Panel>
      <div class="columns">
        <ThresholdPanel map={map} version={version} changed={changed} />
        <div class="stack">
          <ReliabilityPanel map={map} />
          <OverlapPanel map={map} />
        </div>
      </div>
    </>
  );
}
