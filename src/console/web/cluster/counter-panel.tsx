import type { ClusterReply } from "../../state-routes.ts";
import { count } from "../format.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";

/** What this node's gateway has done since it started. */
export function CounterPanel({ reply: { gateway } }: { reply: ClusterReply }) {
  const asked = Object.entries(gateway.requests).sort(([, a], [, b]) => b - a);
  const failed = [
    ...Object.entries(gateway.errors).map(([code, times]) => ({ what: "request failed", code, times })),
    ...Object.entries(gateway.refused).map(([code, times]) => ({ what: "event refused", code, times })),
  ].sort((a, b) => b.times - a.times);
  return (
    <Panel title="This gateway" hint="Counted since the node started.">
      <Facts>
        <Fact name="events accepted">{count(gateway.accepted)}</Fact>
        <Fact name="of programs">{count(gateway.automated)}</Fact>
        <Fact name="failures and refusals">{count(failed.reduce((sum, { times }) => sum + times, 0))}</Fact>
      </Facts>
      <TableRoom label="Requests by endpoint">
        <table class="table table-tight">
          <thead>
            <tr>
              <th scope="col">endpoint</th>
              <th scope="col" class="number">
                requests
              </th>
            </tr>
          </thead>
          <tbody>
            {asked.map(([endpoint, times]) => (
              <tr key={endpoint}>
                <th scope="row">{endpoint}</th>
                <td class="number">{count(times)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
      {failed.length === 0 ? null : (
        <TableRoom label="Failures and refusals by code">
          <table class="table table-tight">
            <thead>
              <tr>
                <th scope="col">code</th>
                <th scope="col">what</th>
                <th scope="col" class="number">
                  times
                </th>
              </tr>
            </thead>
            <tbody>
              {failed.map(({ what, code, times }) => (
                <tr key={`${what} ${code}`}>
                  <th scope="row">
                    <code>{code}</code>
                  </th>
                  <td>{what}</td>
                  <td class="number">{count(times)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableRoom>
      )}
    </Panel>
  );
}
