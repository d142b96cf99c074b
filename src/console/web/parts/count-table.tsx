import type { ComponentChildren } from "preact";
import { count } from "../format.ts";
import { TableRoom } from "./panel.tsx";

/** How often something happened, by what is in the columns in front. */
export type CountRow = Readonly<{
  key: string;
  /** What heads the row, and stands in its first column. */
  head: ComponentChildren;
  /** What stands between the first column and the last. */
  cells?: readonly string[];
  times: number;
}>;

/** @param heads - Of all columns; the last one is of the counts. @param label - Of the room in which it scrolls. */
export function CountTable({
  label,
  caption,
  heads,
  rows,
}: {
  label: string;
  caption?: string;
  heads: readonly string[];
  rows: readonly CountRow[];
}) {
  return (
    <TableRoom label={label}>
      <table class="table table-tight">
        {caption === undefined ? null : <caption>{caption}</caption>}
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th scope="col" key={head} class={i === heads.length - 1 ? "number" : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, head, cells = [], times }) => (
            <tr key={key}>
              <th scope="row">{head}</th>
              {cells.map((cell, i) => (
                <td key={heads[i + 1]}>{cell}</td>
              ))}
              <td class="number">{count(times)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}
