import pc from "picocolors";
import type { StatusReply } from "../../gateway/status.ts";
import type { ClusterStatus } from "../../supervisor/cluster-agent.ts";
import { formatCount } from "./format-number.ts";
import { renderTable } from "./table.ts";

/** Longer silence than that of a node that is well, ms. */
const SILENT_MS = 1_000;

/** Draws nodes and units of a cluster, a line each. */
export function clusterLines(reply: StatusReply, width: number): string[] {
  const { nodes, units } = reply.cluster as ClusterStatus;
  const moving = units.filter((unit) => unit.next !== null).length;
  const lacking = units.filter((unit) => unit.ready.length < unit.standbys.length).length;
  const unserved = units.filter((unit) => !unit.serving).length;
  const state = [
    `${nodes.length} nodes`,
    `${units.length} units`,
    ...(unserved > 0 ? [pc.red(`${unserved} not answered`)] : []),
    ...(moving > 0 ? [`${moving} moving`] : []),
    ...(lacking > 0 ? [pc.yellow(`${lacking} with a standby behind`)] : []),
    `lag ${formatCount(reply.lag)}`,
  ];
  const lags = new Map(reply.shards.map((shard) => [`shard-${shard.shard}`, shard.lag]));
  return [
    state.join(" · "),
    ...renderTable(
      [
        { title: "node", align: "left" },
        { title: "roles", align: "left" },
        { title: "weight", align: "right" },
        { title: "owns", align: "right" },
        { title: "stands by", align: "right" },
        { title: "version", align: "left" },
        { title: "state", align: "left" },
      ],
      nodes.map((node) => [
        node.name,
        node.roles.join(","),
        String(node.weight),
        String(node.owns.length),
        String(node.standsBy.length),
        node.version ?? "",
        stateOf(node),
      ]),
      width,
    ),
    ...renderTable(
      [
        { title: "unit", align: "left" },
        { title: "owner", align: "left" },
        { title: "epoch", align: "right" },
        { title: "lag", align: "right" },
        { title: "standbys", align: "left" },
        { title: "state", align: "left" },
      ],
      units.map((unit) => {
        const lag = lags.get(unit.unit);
        return [
          unit.unit,
          unit.owner ?? "nobody",
          String(unit.epoch),
          lag === undefined || lag === null ? "–" : formatCount(lag),
          unit.standbys.map((name) => (unit.ready.includes(name) ? name : `${name} (behind)`)).join(", "),
          unit.next === null ? (unit.serving ? "serving" : "not answered") : `moving to ${unit.next}`,
        ];
      }),
      width,
    ),
  ];
}

function stateOf(node: ClusterStatus["nodes"][number]): string {
  if (node.leaving) return "leaving";
  return node.silentMs > SILENT_MS ? `silent for ${(node.silentMs / 1_000).toFixed(1)} s` : "well";
}
