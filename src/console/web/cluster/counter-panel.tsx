import type { ClusterReply } from "../../state-routes.ts";
import { count } from "../format.ts";
import { CountTable } from "../parts/count-table.tsx";
import { Fact, Facts } from "../parts/facts.tsx";
import { Panel } from "../parts/panel.tsx";

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
      <CountTable
        label="Requests by endpoint"
        heads={["endpoint", "requests"]}
        rows={asked.map(([endpoint, times]) => ({ key: endpoint, head: endpoint, times }))}
      />
      {failed.length === 0 ? null : (
        <CountTable
          label="Failures and refusals by code"
          heads={["code", "what", "times"]}
          rows={failed.map(({ what, code, times }) => ({
            ...{ key: `${what} ${code}`, head: <code>{code}</code>, cells: [what], times },
          }))}
        />
      )}
    </Panel>
  );
}
