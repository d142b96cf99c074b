import type { ProfilesReply } from "../../../gateway/describe-profiles.ts";
import { signed } from "../format.ts";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { Empty } from "../parts/states.tsx";

/** A matrix of more segments can't be read; the most alike pairs are listed instead. */
const MATRIX_MAX = 14;
const PAIRS_LISTED = 30;

/** How alike the profiles of a map are. */
export function OverlapPanel({ map }: { map: ProfilesReply }) {
  const names = map.segments.map(({ segment }) => segment);
  const populated = names.filter((name) => map.overlap.some(({ a, b }) => a === name || b === name));
  return (
    <Panel
      title="Overlap"
      hint="Cosine of each pair of profiles, seen from the middle of all: near +1 two segments behave alike, near −1 they are opposites."
    >
      {populated.length < 2 ? (
        <Empty title="Nothing to compare yet">Two segments of the map need members first.</Empty>
      ) : populated.length <= MATRIX_MAX ? (
        <Matrix names={populated} overlap={map.overlap} />
      ) : (
        <Pairs overlap={map.overlap} />
      )}
    </Panel>
  );
}

function Matrix({ names, overlap }: { names: readonly string[]; overlap: ProfilesReply["overlap"] }) {
  const between = (a: string, b: string): number =>
    overlap.find((pair) => (pair.a === a && pair.b === b) || (pair.a === b && pair.b === a))?.similarity ?? 0;
  return (
    <TableRoom label="Overlap of each pair of segments">
      <table class="heat">
        <thead>
          <tr>
            <td />
            {names.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((row) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {names.map((column) =>
                row === column ? (
                  <td key={column} class="heat-self">
                    1
                  </td>
                ) : (
                  <td key={column} style={{ background: groundOf(between(row, column)) }}>
                    {signed(between(row, column))}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}

function Pairs({ overlap }: { overlap: ProfilesReply["overlap"] }) {
  return (
    <TableRoom label="The pairs of segments that are most alike">
      <table class="table table-tight">
        <caption>The most alike, of {overlap.length} pairs told.</caption>
        <thead>
          <tr>
            <th scope="col">segment</th>
            <th scope="col">and</th>
            <th scope="col" class="number">
              cosine
            </th>
          </tr>
        </thead>
        <tbody>
          {overlap.slice(0, PAIRS_LISTED).map(({ a, b, similarity }) => (
            <tr key={`${a} ${b}`}>
              <th scope="row">{a}</th>
              <td>{b}</td>
              <td class="number">{signed(similarity)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableRoom>
  );
}

/** A tint so light that text has its contrast on it in both themes. */
function groundOf(similarity: number): string {
  const colour = similarity >= 0 ? "--series-1" : "--series-2";
  const part = Math.round(Math.min(1, Math.abs(similarity)) * 34);
  return `color-mix(in srgb, var(${colour}) ${part}%, var(--surface))`;
}
