import { useEffect, useMemo, useState } from "preact/hooks";
import { useHashLocation } from "wouter-preact/use-hash-location";
import type { MapListing, VisitorReply } from "../../live-map-routes.ts";
import { ApiError, get } from "../api.ts";
import { LiveMap } from "../map/live-map.ts";
import { MapLegend } from "../map/map-legend.tsx";
import { MapPicture } from "../map/map-picture.tsx";
import { SpokenSummary } from "../map/spoken-summary.tsx";
import { VisitorsTable } from "../map/visitors-table.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { useData } from "../use-data.ts";

const TITLE = "Resonance map";

/** Who resonates with what, live. */
export function MapPage() {
  const { value, failure, reload } = useData<{ maps: readonly MapListing[] }>("maps");
  const [chosen, setChosen] = useState<string>();
  if (value === undefined)
    return (
      <Page title={TITLE}>
        {failure === undefined ? <Loading what="the maps" /> : <Failure error={failure} retry={reload} />}
      </Page>
    );
  const map = value.maps.find((one) => one.map === chosen) ?? value.maps[0];
  if (map === undefined)
    return (
      <Page title={TITLE}>
        <Empty title="No segments are defined yet">
          Start a node with <code>--segments FILE</code>, or put them with{" "}
          <code>resonance.v1.segments.put</code>.
        </Empty>
      </Page>
    );
  return <LivePage key={map.map} map={map} maps={value.maps} choose={setChosen} />;
}

function LivePage({
  map,
  maps,
  choose,
}: {
  map: MapListing;
  maps: readonly MapListing[];
  choose: (map: string) => void;
}) {
  const live = useMemo(() => new LiveMap(map.map, wantsNoMotion), [map.map]);
  const [isPaused, setPaused] = useState(false);
  const [isTable, setTable] = useState(false);
  const [only, setOnly] = useState<number>();
  const [missed, setMissed] = useState<string>();
  const [, go] = useHashLocation();
  useEffect(() => {
    const follow = (): void => {
      if (document.hidden) live.pause();
      else if (isPaused) live.hold();
      else live.resume();
    };
    follow();
    document.addEventListener("visibilitychange", follow); // Nobody looks: nothing is asked of the node.
    return () => document.removeEventListener("visibilitychange", follow);
  }, [live, isPaused]);
  useEffect(() => () => live.pause(), [live]);

  const open = async (number: number): Promise<void> => {
    try {
      const { user } = await get<VisitorReply>(`live/${encodeURIComponent(map.map)}/visitor/${number}`);
      go(`/visitor/${encodeURIComponent(user)}`);
    } catch (thrown) {
      setMissed(thrown instanceof ApiError ? thrown.message : String(thrown));
    }
  };
  const shown = { live, isPaused, open };
  const failure = live.failure.value;
  return (
    <Page
      title={TITLE}
      intro="Resonance follows what visitors do and tells, with every click, which segment each of them behaves like. Every point is a visitor who is active now: it moves to where those are who behave alike, and takes the colour of the segment that it resonates with the most."
      actions={
        <>
          {maps.length < 2 ? null : (
            <label class="field-inline">
              Map
              <select class="select" value={map.map} onChange={(event) => choose(event.currentTarget.value)}>
                {maps.map((one) => (
                  <option key={one.map}>{one.map}</option>
                ))}
              </select>
            </label>
          )}
          <button type="button" class="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
            Show as table
          </button>
          <button type="button" class="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
            {isPaused ? "Paused" : "Pause"}
          </button>
        </>
      }
    >
      {failure === undefined || failure.retryable ? null : <Failure error={failure} />}
      <div class="map-layout">
        <div class="map-main panel">
          {isTable ? <VisitorsTable {...shown} /> : <MapPicture {...shown} only={only} />}
          <Waiting live={live} />
        </div>
        <aside class="map-side panel" aria-label="Segments and numbers">
          <Numbers live={live} />
          <MapLegend live={live} only={only} choose={setOnly} />
          <Shown live={live} />
        </aside>
      </div>
      <SpokenSummary live={live} />
      <p class="problem" role="alert">
        {missed}
      </p>
    </Page>
  );
}

/** What is shown while there is nothing to see yet. */
function Waiting({ live }: { live: LiveMap }) {
  const { version } = live.plane.value ?? {};
  const { active } = live.facts.value ?? {};
  if (version === undefined || active === undefined) return null;
  if (version === 0)
    return (
      <Empty title="No profiles are published yet">
        The picture begins once members of the segments are known and have done something.
      </Empty>
    );
  if (active > 0) return null;
  return <Empty title="Nobody is active">Points appear with the next events.</Empty>;
}

function Numbers({ live }: { live: LiveMap }) {
  const { active, eventsPerSecond, silentShards = 0, shards } = live.facts.value ?? {};
  return (
    <>
      <dl class="numbers">
        <div>
          <dt>visitors now</dt>
          <dd>{active?.toLocaleString("en") ?? "–"}</dd>
        </div>
        <div>
          <dt>events/s</dt>
          <dd>
            {typeof eventsPerSecond === "number" ? Math.round(eventsPerSecond).toLocaleString("en") : "–"}
          </dd>
        </div>
      </dl>
      {silentShards === 0 ? null : (
        <p class="hint" role="status">
          {silentShards} of {shards} shards do not answer now: their visitors stand still.
        </p>
      )}
    </>
  );
}

function Shown({ live }: { live: LiveMap }) {
  const { shown, version = 0, segments = [] } = live.plane.value ?? {};
  if (shown === undefined || version === 0) return null;
  const percent = Math.round(shown * 100);
  return (
    <p class="hint">
      The plane shows {percent} % of what sets the {segments.length} segments apart
      {percent < 100 ? "; the rest would need more than two dimensions" : ""}. The middle is where everybody
      together would be.
    </p>
  );
}

function wantsNoMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
