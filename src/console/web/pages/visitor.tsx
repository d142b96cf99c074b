import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { useHashLocation } from "wouter-preact/use-hash-location";
import type { VisitorView } from "../../visitor-routes.ts";
import { ago } from "../format.ts";
import { Tag } from "../parts/facts.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { Panel } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";
import { useData } from "../use-data.ts";
import { EventList } from "../visitor/event-list.tsx";
import { JourneyChart } from "../visitor/journey-chart.tsx";
import { NowPanel } from "../visitor/now-panel.tsx";
import { PersonPanel } from "../visitor/person-panel.tsx";
import { StepPanel } from "../visitor/step-panel.tsx";
import "../views.css";

const EVERY_MS = 1_500;

/** One visitor: where they stand, and how each event brought them there. */
export function VisitorPage() {
  const [address] = useHashLocation();
  const user = userIn(address);
  return (
    <Page
      title={user === undefined ? "Visitor lens" : `Visitor lens: ${user}`}
      intro="How each event moved a visitor's segments, and why. It follows the visitor as events come in."
      actions={<VisitorSearch user={user} />}
    >
      {user === undefined ? (
        <Empty title="Whom do you want to look at?">
          Type a visitor's id above, as your services send it in <code>user</code>, or choose a dot on the{" "}
          <a href="#/">resonance map</a>. In the demo there are <a href="#/visitor/visitor-1">visitor-1</a>,{" "}
          <a href="#/visitor/visitor-2">visitor-2</a> and so on.
        </Empty>
      ) : (
        <VisitorViews key={user} user={user} />
      )}
    </Page>
  );
}

/** The id that an address names; the router's own parameters leave some escapes in it, such as that of a slash. */
function userIn(address: string): string | undefined {
  const [, , id = ""] = address.split("/");
  try {
    return id === "" ? undefined : decodeURIComponent(id);
  } catch {
    return id; // Typed by hand, with a sign that is no escape.
  }
}

function VisitorSearch({ user }: { user: string | undefined }) {
  const [, navigate] = useLocation();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement).get("user");
    if (typeof given === "string" && given.trim() !== "")
      navigate(`/visitor/${encodeURIComponent(given.trim())}`);
  };
  return (
    <search>
      <form class="toolbar" onSubmit={submit}>
        <label class="field">
          <span>Visitor id</span>
          <input
            class="input"
            name="user"
            key={user}
            defaultValue={user}
            autocomplete="off"
            spellcheck={false}
            required
          />
        </label>
        <button type="submit" class="button button-main">
          Look
        </button>
      </form>
    </search>
  );
}

function VisitorViews({ user }: { user: string }) {
  const [map, setMap] = useState<string>();
  const [pinned, setPinned] = useState<number>();
  const query = new URLSearchParams({ user });
  if (map !== undefined) query.set("map", map);
  if (pinned !== undefined) query.set("done", String(pinned));
  const data = useData<VisitorView>(`visitor?${query}`, EVERY_MS);
  const [kept, setKept] = useState<VisitorView>();
  // Another event is on its way: what is there stays until it comes.
  if (data.value !== undefined && data.value !== kept) setKept(data.value);
  const shown =
    data.value ?? (data.failure === undefined && (map === undefined || kept?.map === map) ? kept : undefined);
  return (
    <WhenLoaded data={{ ...data, value: shown }} what="the visitor">
      {(lens) => {
        const chosen = pinned ?? lens.events.at(-1)?.done;
        return (
          <>
            <VisitorState lens={lens} />
            {lens.maps.length < 2 ? null : (
              <label class="field-inline">
                <span>Map of segments</span>
                <select
                  class="select"
                  value={lens.map}
                  onChange={(event) => setMap(event.currentTarget.value)}
                >
                  {lens.maps.map((name) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {lens.events.length === 0 ? null : (
              <Panel
                title="Over the last events"
                actions={
                  <Following
                    isPinned={pinned !== undefined}
                    follow={() => setPinned(undefined)}
                    chosen={chosen}
                  />
                }
              >
                <JourneyChart lens={lens} chosen={chosen} choose={setPinned} />
              </Panel>
            )}
            {lens.events.length === 0 ? (
              <div class="columns">
                <NowPanel lens={lens} />
                <PersonPanel lens={lens} />
              </div>
            ) : (
              <div class="columns">
                <div class="stack">
                  <Panel title="Events" hint="Choose one to see what it changed.">
                    <EventList lens={lens} chosen={chosen} choose={setPinned} />
                  </Panel>
                  <NowPanel lens={lens} />
                </div>
                <div class="stack">
                  <StepPanel lens={lens} />
                  <PersonPanel lens={lens} />
                </div>
              </div>
            )}
          </>
        );
      }}
    </WhenLoaded>
  );
}

function Following({
  isPinned,
  follow,
  chosen,
}: {
  isPinned: boolean;
  follow: () => void;
  chosen: number | undefined;
}) {
  if (!isPinned) return <Tag tone="good">following the newest event</Tag>;
  return (
    <button type="button" class="button" onClick={follow}>
      Event #{chosen} is held: follow the newest again
    </button>
  );
}

/** What is out of the ordinary about the visitor, and what it means. */
function VisitorState({ lens }: { lens: VisitorView }) {
  const { person, erasing } = lens;
  return (
    <>
      {erasing === null ? null : (
        <p class="notice tone-warn" role="status">
          This visitor is being erased
          {erasing.askedMs === null ? "" : `, asked ${ago(erasing.askedMs)}`} ({erasing.state}). What is shown
          below is what came after that. <code>{erasing.erasure}</code> is the erasure's id.
        </p>
      )}
      {person === null ? (
        <p class="notice" role="status">
          Nothing is held of this visitor: no event of theirs was taken in, or they were erased, which leaves
          no trace. They are answered with the prior below. Check the id if you expected somebody.
        </p>
      ) : null}
      {person?.mayBeKnown === false ? (
        <p class="notice tone-warn" role="status">
          This visitor may not be personalised for: they said no, or the policy of consent asks first. They
          are answered as somebody unknown, and none of their behaviour is kept.
        </p>
      ) : null}
      {person?.isProgram === true ? (
        <p class="notice tone-warn" role="status">
          This is a program, by what it says or by its pace: it is answered, and counts nowhere.
        </p>
      ) : null}
    </>
  );
}
