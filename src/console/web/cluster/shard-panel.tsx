import type { ShardStatus } from "../../../resonance/score-answer.ts";
import type { ClusterReply } from "../../state-routes.ts";
import { count } from "../format.ts";
import { Tag } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import type { SeenNode } from "./node-panel.tsx";

/** A unit (a shard, or the profiles), as the cluster's view tells it. */
type SeenUnit = Readonly<{
  unit: string;
  owner: string | null;
  epoch: number;
  serving: boolean;
  next: string | null;
  standbys: readonly string[];
  /** Standbys that have caught up. */
  ready: readonly string[];
}>;

/** Who owns and stands by what, and how far each shard is. */
export function ShardPanel({ reply }: { reply: ClusterReply }) {
  const nodes = (reply.cluster.nodes as readonly SeenNode[]).filter(
    ({ owns, standsBy, roles }) => owns.length + standsBy.length > 0 || roles.includes("shards"),
  );
  const units = reply.cluster.units as readonly SeenUnit[];
  const statusOf = (unit: string) => reply.shards.find(({ shard }) => `shard-${shard}` === unit);
  return (
    <Panel title="Shards">
      <TableRoom label="Shards by node">
        <table class="table table-tight">
          <thead>
            <tr>
              <th scope="col">unit</th>
              {nodes.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
              <th scope="col">state</th>
              {["lag", "applied", "not committed", "visitors", "in memory", "dead letters"].map((name) => (
                <th scope="col" class="number" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {units.map((unit) => {
              const status = statusOf(unit.unit);
              const owned = status?.ready === true ? status : undefined;
              return (
                <tr key={unit.unit}>
                  <th scope="row">{unit.unit}</th>
                  {nodes.map(({ name }) => (
                    <td key={name}>
                      <Cell unit={unit} node={name} />
                    </td>
                  ))}
                  <td>
                    <UnitState unit={unit} status={owned} />
                  </td>
                  <Numbers status={owned} lag={status?.lag ?? null} />
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableRoom>
    </Panel>
  );
}

function Cell({ unit, node }: { unit: SeenUnit; node: string }) {
  if (unit.owner === node) return <span class="grid-cell grid-owner">owner</span>;
  if (!unit.standbys.includes(node)) return <span class="grid-cell grid-none">–</span>;
  if (unit.ready.includes(node)) return <span class="grid-cell grid-standby">standby</span>;
  return <span class="grid-cell grid-behind">behind</span>;
}

function UnitState({ unit, status }: { unit: SeenUnit; status: ShardStatus | undefined }) {
  if (unit.next !== null) return <Tag tone="warn">moving to {unit.next}</Tag>;
  if (!unit.serving) return <Tag tone="bad">nobody answers</Tag>;
  if (status?.diskFull === true) return <Tag tone="bad">disk full</Tag>;
  return <Tag tone="good">serving</Tag>;
}

function Numbers({ status, lag }: { status: ShardStatus | undefined; lag: number | null }) {
  const cells =
    status === undefined
      ? [lag, null, null, null, null, null]
      : [
          status.lag,
          status.applied,
          status.applied - status.committed,
          status.users,
          status.resident,
          status.deadLetters,
        ];
  return (
    <>
      {cells.map((value, i) => (
        <td key={i} class="number">
          {value === null ? "–" : count(value)}
        </td>
      ))}
    </>
  );
}
