import type { PolicyReply } from "../gateway/consent-policy.ts";
import { type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import type { PrivacyReport } from "../gateway/privacy-report.ts";
import type { StatusReply } from "../gateway/status.ts";
import type { ConsolePorts } from "./console-ports.ts";
import type { HandOver } from "./hand-overs.ts";

/** What `GET /console/v1/cluster` answers. */
export type ClusterReply = StatusReply & Readonly<{ handOvers: readonly HandOver[] }>;

/** What `GET /console/v1/privacy` answers. */
export type PrivacyView = Readonly<{
  policy: PolicyReply;
  /** Private maps; empty if none is. */
  maps: readonly PrivacyReport[];
  consent: StatusReply["consent"];
  /** What this node's gateway dropped for want of consent, by `purpose.reason`. */
  dropped: Readonly<Record<string, number>>;
  /** Erasures that are not done everywhere, by shard; null of a shard that nobody answers for. */
  erasing: readonly Readonly<{ shard: number; pending: number | null }>[];
}>;

/** How the cluster is, and what is promised of privacy and spent. */
export function stateRoutes({
  ask,
  handOvers,
}: Pick<ConsolePorts, "ask" | "handOvers">): readonly AdminRoute[] {
  const statusNow = (): Promise<StatusReply> => ask("status", {}) as Promise<StatusReply>;
  return [
    {
      method: "GET",
      path: "/console/v1/cluster",
      role: "reader",
      answer: async () =>
        jsonReply({ ...(await statusNow()), handOvers: handOvers() } satisfies ClusterReply),
    },
    {
      method: "GET",
      path: "/console/v1/privacy",
      role: "reader",
      async answer() {
        const [policy, { maps }, { consent, gateway, shards }] = await Promise.all([
          ask("privacy.get", {}) as Promise<PolicyReply>,
          ask("privacy.report", {}) as Promise<Pick<PrivacyView, "maps">>,
          statusNow(),
        ]);
        const erasing = shards.map((shard) => ({
          shard: shard.shard,
          pending: shard.ready ? shard.erasing : null,
        }));
        return jsonReply({ policy, maps, consent, dropped: gateway.dropped, erasing } satisfies PrivacyView);
      },
    },
  ];
}
