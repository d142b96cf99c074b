import type { VisitorLens } from "../../../gateway/visitor-lens.ts";
import { ago, moment } from "../format.ts";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { Panel } from "../parts/panel.tsx";

/** Who the visitor is to the engine, and what they allow. */
export function PersonPanel({ lens }: { lens: VisitorLens }) {
  const { person, counts } = lens;
  if (person === null) return null;
  const labels = Object.entries(person.labels);
  return (
    <Panel title="Who and what is allowed">
      <Facts>
        <Fact name="known as">{person.isAuthenticated ? "a member" : "an anonymous visitor"}</Fact>
        <Fact name="events">
          {counts.done}
          {counts.held < counts.done ? ` (${counts.held} kept one by one)` : ""}
        </Fact>
        <Fact name="first seen">{person.firstTsMs === 0 ? "–" : moment(person.firstTsMs)}</Fact>
        <Fact name="last seen">{person.lastTsMs === 0 ? "–" : ago(person.lastTsMs)}</Fact>
        {labels.map(([map, segment]) => (
          <Fact key={map} name={`labelled in ${map}`}>
            {segment ?? "no segment"}
          </Fact>
        ))}
      </Facts>
      <ul class="tags" aria-label="Purposes">
        {person.purposes.map(({ purpose, isAllowed, answer }) => (
          <li key={purpose} class="tag-item">
            <Tag tone={isAllowed ? "good" : answer === false ? "bad" : undefined}>
              {purpose}: {isAllowed ? "allowed" : "not allowed"}
              {answer === null ? " by the policy" : answer ? " by them" : ", they said no"}
            </Tag>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
