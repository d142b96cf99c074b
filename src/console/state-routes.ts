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
  /** Private maps, without what was measured against exact profiles; empty if none is. */
  maps: readonly Omit<PrivacyReport, "measured">[];
  consent: StatusReply["consent"];
  /** What this node's gateway dropped for want of consent, by `purpose.reason`. */
  dropped: Readonly<Record<string, number>>;
  /** Erasures that are not done everywhere, by shard; null of a shard that nobody answers for. */
  erasing: readonly Readonly<{ shard: number; pending: number | null }>[];
}>;

/** What `GET /console/v1/privacy/measured` answers: by map, what noise does to its profiles. No noise covers it. */
export type MeasuredView = Readonly<{ maps: readonly Pick<PrivacyReport, "map" | "measured">[] }>;

type PrivacyReports = Readonly<{ maps: readonly PrivacyReport[] }>;

/**
 * How the cluster is, and what is promised of privacy and spent. Exact figures of private maps are for operators: asked before
 * and after somebody's removal, they would tell of it.
 */
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
          ask("privacy.report", { measured: false }) as Promise<PrivacyReports>,
          statusNow(),
        ]);
        const erasing = shards.map((shard) => ({
          shard: shard.shard,
          pending: shard.ready ? shard.erasing : null,
        }));
        const view = { policy, maps: maps.map(promised), consent, dropped: gateway.dropped, erasing };
        return jsonReply(view satisfies PrivacyView);
      },
    },
    {
      method: "GET",
      path: "/console/v1/privacy/measured",
      role: "operator",
      async answer() {
        const { maps } = (await ask("privacy.report", {})) as PrivacyReports;
        return jsonReply({
          maps: maps.map(({ map, measured }) => ({ map, measured })),
        } satisfies MeasuredView);
      },
    },
  ];
}

/** A report without what was measured: an owner of an earlier build measures although it was not asked to. */
function promised({ measured, ...report }: PrivacyReport): Omit<PrivacyReport, "measured"> {
  return report;
}
