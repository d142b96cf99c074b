import type { ClusterReply } from "../../state-routes.ts";
import { count, span } from "../format.ts";
import { Tag } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";

/** Longer silence than that of a node that is well, ms. */
const SILENT_MS = 1_000;

/** A node, as the cluster's view tells it. */
export type SeenNode = Readonly<{
  name: string;
  roles: readonly string[];
  weight: number;
  leaving: boolean;
  silentMs: number;
  owns: readonly string[];
  standsBy: readonly string[];
}>;

/** The nodes of the cluster. */
export function NodePanel({ reply }: { reply: ClusterReply }) {
  const nodes = reply.cluster.nodes as readonly SeenNode[];
  return (
    <Panel title="Nodes">
      <TableRoom label="Nodes">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">node</th>
              <th scope="col">roles</th>
              {["weight", "owns", "stands by"].map((name) => (
                <th scope="col" class="number" key={name}>
                  {name}
                </th>
              ))}
              <th scope="col">state</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.name}>
                <th scope="row">{node.name}</th>
                <td>{node.roles.join(", ")}</td>
                <td class="number">{node.weight}</td>
                <td class="number">{count(node.owns.length)}</td>
                <td class="number">{count(node.standsBy.length)}</td>
                <td>
                  <NodeState node={node} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
    </Panel>
  );
}

function NodeState({ node: { leaving, silentMs } }: { node: SeenNode }) {
  if (leaving) return <Tag tone="warn">leaving</Tag>;
  if (silentMs > SILENT_MS) return <Tag tone="bad">silent for {span(silentMs)}</Tag>;
  return <Tag tone="good">well</Tag>;
}
