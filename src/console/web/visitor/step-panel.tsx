import { useState } from "preact/hooks";
import type { VisitorLens } from "../../../gateway/visitor-lens.ts";
import { percent, points, signed } from "../format.ts";
import { SignedBar } from "../parts/bars.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { sourceName } from "../source-names.ts";
import { eventWords } from "./event-list.tsx";

/** Sources that change a logit by less, in log odds, are told together. */
const SMALL = 0.005;

/** What one event changed: every segment, and for one of them each source of its score before and after. */
export function StepPanel({ lens }: { lens: VisitorLens }) {
  const [asked, setAsked] = useState<string>();
  const { step, segments, points: all, events, mode } = lens;
  if (step === null) return null;
  const event = events[step.event];
  const [before, after] = [all[step.event], all[step.event + 1]];
  if (event === undefined || before === undefined || after === undefined) return null;
  const changeOf = (k: number): number => (after.probabilities[k] ?? 0) - (before.probabilities[k] ?? 0);
  const ordered = [...segments.keys()].sort((a, b) => Math.abs(changeOf(b)) - Math.abs(changeOf(a)));
  const found = asked === undefined ? -1 : segments.indexOf(asked);
  const chosen = found >= 0 ? found : (ordered[0] ?? 0);
  const rows = [...ordered, ...(mode === "exclusive" ? [segments.length] : [])];
  return (
    <Panel
      title={`What event #${event.done} changed`}
      hint={`${eventWords(event)} · with it the visitor has ${after.evidence.toFixed(1)} effective events`}
    >
      <TableRoom label="Segments before and after the event">
        <table class="table table-tight">
          <thead>
            <tr>
              <th scope="col">segment</th>
              <th scope="col" class="number">
                before
              </th>
              <th scope="col" class="number">
                after
              </th>
              <th scope="col" class="number">
                change
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((k) => (
              <tr key={k} class={k === chosen ? "is-chosen" : undefined}>
                <th scope="row">
                  {k === segments.length ? (
                    "none"
                  ) : (
                    <button
                      type="button"
                      class="link"
                      aria-pressed={k === chosen}
                      onClick={() => setAsked(segments[k])}
                    >
                      {segments[k]}
                    </button>
                  )}
                </th>
                <td class="number">{percent(before.probabilities[k] ?? 0, 1)}</td>
                <td class="number">{percent(after.probabilities[k] ?? 0, 1)}</td>
                <td class="number">{points(changeOf(k))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
      <Sources lens={lens} step={step} segment={chosen} />
    </Panel>
  );
}

type Row = Readonly<{ name: string; before: number; after: number }>;

function Sources({
  lens,
  step,
  segment,
}: {
  lens: VisitorLens;
  step: NonNullable<VisitorLens["step"]>;
  segment: number;
}) {
  const all: Row[] = step.sources.map((source) => ({
    name: sourceName(source),
    before: source.before[segment] ?? 0,
    after: source.after[segment] ?? 0,
  }));
  const changeOf = ({ before, after }: Row): number => after - before;
  const large = all.filter((row) => Math.abs(changeOf(row)) >= SMALL);
  large.sort((a, b) => Math.abs(changeOf(b)) - Math.abs(changeOf(a)));
  const small = all.filter((row) => Math.abs(changeOf(row)) < SMALL);
  const sum = (rows: readonly Row[], name: string): Row => ({
    name,
    before: rows.reduce((total, { before }) => total + before, 0),
    after: rows.reduce((total, { after }) => total + after, 0),
  });
  const rows = small.length === 0 ? large : [...large, sum(small, `${small.length} that hardly changed`)];
  const most = Math.max(...rows.map((row) => Math.abs(changeOf(row))), 0);
  const name = lens.segments[segment] ?? "";
  const against = lens.mode === "exclusive" ? `of ${name} against none` : `of ${name}`;
  return (
    <TableRoom label={`Why ${name} changed`}>
      <table class="table table-tight">
        <caption>
          Why: what each source adds to the log odds {against}. They add up to the score, before and after.
        </caption>
        <thead>
          <tr>
            <th scope="col">source</th>
            <th scope="col" class="number">
              before
            </th>
            <th scope="col" class="number">
              after
            </th>
            <th scope="col" class="number">
              change
            </th>
            <th scope="col">
              <span class="visually-hidden">change as a bar</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {[...rows, sum(all, "together")].map((row, r) => (
            <tr key={row.name} class={r === rows.length ? "is-sum" : undefined}>
              <th scope="row">{row.name}</th>
              <td class="number">{signed(row.before)}</td>
              <td class="number">{signed(row.after)}</td>
              <td class="number">{signed(changeOf(row))}</td>
              <td class="bar-cell">
                <SignedBar value={changeOf(row)} most={most} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}
