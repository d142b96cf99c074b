import type { JourneyEvent, VisitorLens } from "../../../gateway/visitor-lens.ts";
import { ago, moment, points } from "../format.ts";

/** The visitor's newest events, the newest first, with what each moved most. Arrow keys go from one to the next. */
export function EventList({
  lens,
  chosen,
  choose,
}: {
  lens: VisitorLens;
  chosen: number | undefined;
  choose: (done: number) => void;
}) {
  const newestFirst = lens.events.map((event, e) => ({ event, e })).reverse();
  return (
    <ol
      class="events"
      aria-label="Events, the newest first"
      reversed
      onKeyDown={(event) => {
        const step = event.key === "ArrowDown" ? -1 : event.key === "ArrowUp" ? 1 : 0;
        if (step === 0 || chosen === undefined) return;
        event.preventDefault();
        const next = lens.events.find(({ done }) => done === chosen + step);
        if (next === undefined) return;
        choose(next.done);
        event.currentTarget.querySelector<HTMLElement>(`[data-done="${next.done}"]`)?.focus();
      }}
    >
      {newestFirst.map(({ event, e }) => (
        <li key={event.done} value={event.done}>
          <button
            type="button"
            class="event"
            data-done={event.done}
            aria-pressed={event.done === chosen}
            onClick={() => choose(event.done)}
          >
            <span class="event-number">#{event.done}</span>
            <span>{eventWords(event)}</span>
            <span class="event-age" title={moment(event.tsMs)}>
              {ago(event.tsMs)}
            </span>
            <span class="event-move">{moveOf(lens, e)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** An event as far as is kept of it: hashes stand for names. */
export function eventWords({ type, hasItem, categories, keywords, value }: JourneyEvent): string {
  const parts = [
    (type ?? "another action").replaceAll("_", " "),
    ...(hasItem ? ["an item"] : []),
    ...(categories > 0 ? [`${categories} ${categories === 1 ? "category" : "categories"}`] : []),
    ...(keywords > 0 ? [`${keywords} ${keywords === 1 ? "word" : "words"}`] : []),
    ...(value === undefined ? [] : [`value ${value}`]),
  ];
  return parts.join(" · ");
}

/** The change that an event made which was the greatest, and who entered or left with it. */
function moveOf({ points: all, segments }: VisitorLens, e: number): string {
  const [before, after] = [all[e], all[e + 1]];
  if (before === undefined || after === undefined) return "";
  let most = 0;
  for (const k of after.probabilities.keys()) if (Math.abs(change(k)) > Math.abs(change(most))) most = k;
  const entered = segments.filter((_, k) => resonates(after, k) && !resonates(before, k));
  const left = segments.filter((_, k) => resonates(before, k) && !resonates(after, k));
  return [
    `${segments[most] ?? "none"} ${points(change(most))}`,
    ...entered.map((segment) => `${segment} resonates`),
    ...left.map((segment) => `${segment} no more`),
  ].join(" · ");

  function change(k: number): number {
    return (after?.probabilities[k] ?? 0) - (before?.probabilities[k] ?? 0);
  }
}

function resonates({ resonating }: VisitorLens["points"][number], k: number): boolean {
  return resonating?.includes(k) === true;
}
