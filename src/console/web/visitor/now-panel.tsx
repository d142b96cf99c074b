import type { VisitorView } from "../../visitor-routes.ts";
import { percent, short, span } from "../format.ts";
import { ShareBar } from "../parts/bars.tsx";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { QUIET_COLOUR, seriesColour } from "../series-colours.ts";

/** The visitor's distribution as it is served, with thresholds, and what would change it. */
export function NowPanel({ lens }: { lens: VisitorView }) {
  const { answer, segments, thresholds, map, mode } = lens;
  const places = [...segments.keys()].sort((a, b) => probability(b) - probability(a));
  return (
    <Panel
      title="Now"
      hint="As it is answered at this moment. Marks on the bars are where a segment starts to resonate."
    >
      <TableRoom label="Distribution over the segments">
        <table class="table table-tight">
          <thead>
            <tr>
              <th scope="col">segment</th>
              <th scope="col" class="number">
                probability
              </th>
              <th scope="col">
                <span class="visually-hidden">as a bar</span>
              </th>
              <th scope="col">resonates</th>
            </tr>
          </thead>
          <tbody>
            {places.map((k) => (
              <tr key={segments[k]}>
                <th scope="row">{segments[k]}</th>
                <td class="number">{percent(probability(k))}</td>
                <td class="bar-cell">
                  <ShareBar share={probability(k)} colour={seriesColour(k)} marks={marksOf(k)} />
                </td>
                <td>{standing(k)}</td>
              </tr>
            ))}
            {mode === "exclusive" ? (
              <tr>
                <th scope="row">none</th>
                <td class="number">{percent(answer.none)}</td>
                <td class="bar-cell">
                  <ShareBar share={answer.none} colour={QUIET_COLOUR} />
                </td>
                <td />
              </tr>
            ) : null}
          </tbody>
        </table>
      </TableRoom>
      {flipWords(lens).map((words) => (
        <p key={words}>{words}</p>
      ))}
      <Facts>
        <Fact name="effective events">{answer.evidence.toFixed(1)}</Fact>
        <Fact name="newest event">{age(answer.ages.contextMs)}</Fact>
        <Fact name="profiles">
          v{answer.versions.profiles[map] ?? 0}, {age(answer.ages.profilesMs[map] ?? null)}
        </Fact>
        <Fact name="encoder">
          <code>{answer.versions.trained ? short(answer.versions.encoder) : "untrained"}</code>
        </Fact>
      </Facts>
    </Panel>
  );

  function probability(k: number): number {
    return answer.segments.find(({ segment }) => segment === segments[k])?.probability ?? 0;
  }
  function thresholdOf(k: number) {
    return thresholds.find(({ segment }) => segment === segments[k]);
  }
  function marksOf(k: number): readonly number[] {
    const enter = thresholdOf(k)?.enter;
    return enter === null || enter === undefined ? [] : [enter];
  }
  function standing(k: number) {
    const threshold = thresholdOf(k);
    if (threshold === undefined || threshold.enter === null)
      return <span class="hint">threshold is off</span>;
    if (threshold.resonating)
      return (
        <>
          <Tag tone="good">resonates</Tag> <span class="hint">until {percent(threshold.leave ?? 0)}</span>
        </>
      );
    return <span class="hint">from {percent(threshold.enter)}</span>;
  }
}

function age(ms: number | null): string {
  return ms === null ? "never" : `${span(ms)} ago`;
}

/** What would have led to another strongest segment, in words. */
function flipWords({ flip, events, counts }: VisitorView): readonly string[] {
  const { newest, fewest, isExact } = flip;
  const held = isExact ? "" : ", as far as the events that are kept allow to tell";
  if (counts.done === 0) return ["There is no event yet that could be absent."];
  if (newest === null && fewest === null)
    return [`No number of the newest ${counts.held} events decided the strongest one alone${held}.`];
  const words: string[] = [];
  if (newest !== null) {
    const which = newest.events === 1 ? "the newest event" : `the newest ${newest.events} events`;
    words.push(`Without ${which} the strongest would be ${newest.becomes ?? "none"}${held}.`);
  }
  if (fewest !== null) {
    const first = events.length - flip.told;
    const numbers = fewest.events.map((e) => `#${events[first + e]?.done ?? e}`);
    words.push(`Without ${numbers.join(", ")} alone it would be ${fewest.becomes ?? "none"}.`);
  }
  return words;
}
