import { useEffect, useState } from "preact/hooks";
import type { LiveMap } from "./live-map.ts";

const ROWS = 50;
/** Slower than the picture: a table that changes under the reader's eyes can't be read. */
const EVERY_MS = 3_000;

type Row = Readonly<{ number: number; segment: number; probability: number; agoMs: number }>;

/** What the picture shows, to be read: the visitors who were active most recently. */
export function VisitorsTable({
  live,
  isPaused,
  open,
}: {
  live: LiveMap;
  isPaused: boolean;
  open: (number: number) => void;
}) {
  const [rows, setRows] = useState<readonly Row[]>([]);
  useEffect(() => {
    const read = (): void => {
      const { field } = live;
      const nowMs = performance.now();
      setRows(
        field.latest(ROWS).map((slot) => ({
          number: field.number[slot] ?? 0,
          segment: field.segment[slot] ?? -1,
          probability: field.probability[slot] ?? 0,
          agoMs: nowMs - (field.eventMs[slot] ?? 0),
        })),
      );
    };
    read();
    if (isPaused) return;
    const first = setTimeout(read, EVERY_MS / 6); // The stream may just have begun.
    const timer = setInterval(read, EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [live, isPaused]);
  const segments = live.plane.value?.segments ?? [];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard only if it takes the focus.
    <section class="table-scroll map-table" aria-label="Visitors who were active most recently" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Visitor</th>
            <th scope="col">Strongest segment</th>
            <th scope="col" class="number">
              Probability
            </th>
            <th scope="col" class="number">
              Newest event
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ number, segment, probability, agoMs }) => (
            <tr key={number}>
              <td>
                <button type="button" class="link" onClick={() => open(number)}>
                  Visitor {number}
                </button>
              </td>
              <td>{segments[segment]?.segment ?? "none of them"}</td>
              <td class="number">{Math.round(probability * 100)} %</td>
              <td class="number">{Math.max(0, Math.round(agoMs / 1_000))} s ago</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
