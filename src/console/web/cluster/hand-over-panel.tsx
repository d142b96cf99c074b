import type { ClusterReply } from "../../state-routes.ts";
import { ago, moment } from "../format.ts";
import { Panel, TableRoom } from "../parts/panel.tsx";

/** Units that changed their owner lately. */
export function HandOverPanel({ reply: { handOvers } }: { reply: ClusterReply }) {
  return (
    <Panel title="Hand-overs" hint="The newest changes of owners that this node has seen since it started.">
      {handOvers.length === 0 ? (
        <p class="hint">None yet.</p>
      ) : (
        <TableRoom label="Hand-overs">
          <table class="table table-tight">
            <thead>
              <tr>
                {["when", "unit", "from", "to"].map((name) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
                <th scope="col" class="number">
                  epoch
                </th>
              </tr>
            </thead>
            <tbody>
              {handOvers.map(({ unit, from, to, epoch, atMs }) => (
                <tr key={`${unit} ${atMs}`}>
                  <th scope="row" title={moment(atMs)}>
                    {ago(atMs)}
                  </th>
                  <td>{unit}</td>
                  <td>{from ?? "nobody"}</td>
                  <td>{to ?? "nobody"}</td>
                  <td class="number">{epoch}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableRoom>
      )}
    </Panel>
  );
}
