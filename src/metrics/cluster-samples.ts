import type { ClusterAgent } from "../supervisor/cluster-agent.ts";
import type { Samples } from "./samples.ts";

/** What a node's part in the cluster is told from. */
export type ClusterSource = Readonly<{
  node: string;
  /** Every unit of the deployment. */
  units: readonly string[];
  /** Copies of each unit that there are to be beside the owner's, if there are nodes for them. */
  standbys: number;
  agent: Pick<ClusterAgent, "changes" | "isMember" | "ownerOf" | "roles" | "status">;
}>;

const ROLES = ["owner", "standby", "leaving"] as const;

/** Adds leases, hand-overs and standbys, as this node sees them. */
export function addCluster(samples: Samples, { node, units, standbys, agent }: ClusterSource): void {
  const { nodes, units: known } = agent.status();
  const roles = [...agent.roles().values()];
  for (const role of ROLES)
    samples.add("resonance_units", roles.filter((one) => one === role).length, { role });
  for (const { unit, owner, epoch, ready } of known) {
    if (owner !== node) continue;
    samples.add("resonance_unit_epoch", epoch, { unit });
    samples.add("resonance_unit_ready_standbys", ready.length, { unit });
  }
  const keepers = nodes.filter((one) => one.roles.includes("shards") && !one.leaving).length;
  samples.add("resonance_standbys_wanted", Math.max(0, Math.min(standbys, keepers - 1)));
  samples.add("resonance_units_unserved", units.filter((unit) => agent.ownerOf(unit) === undefined).length);
  for (const [direction, count] of Object.entries(agent.changes()))
    samples.add("resonance_handovers_total", count, { direction });
  samples.add("resonance_cluster_nodes", nodes.length);
  samples.add("resonance_lease_held", agent.isMember());
}
