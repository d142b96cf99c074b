import type { ClusterReply } from "../../state-routes.ts";
import { CounterPanel } from "../cluster/counter-panel.tsx";
import { HandOverPanel } from "../cluster/hand-over-panel.tsx";
import { NodePanel } from "../cluster/node-panel.tsx";
import { ReadinessPanel } from "../cluster/readiness-panel.tsx";
import { ReleasePanel } from "../cluster/release-panel.tsx";
import { ShardPanel } from "../cluster/shard-panel.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Page } from "../parts/page.tsx";
import { useData } from "../use-data.ts";
import "../views.css";

const EVERY_MS = 2_000;

/** Nodes, shards, who owns what and how far it is. */
export function ClusterPage() {
  const data = useData<ClusterReply>("cluster", EVERY_MS);
  return (
    <Page
      title="Cluster"
      intro="Nodes, and who owns and stands by which shard, as the node that serves this page sees it."
    >
      <WhenLoaded data={data} what="the cluster">
        {(reply) => (
          <>
            <ReadinessPanel reply={reply} />
            <NodePanel reply={reply} />
            <ShardPanel reply={reply} />
            <div class="columns">
              <CounterPanel reply={reply} />
              <div class="stack">
                <ReleasePanel reply={reply} />
                <HandOverPanel reply={reply} />
              </div>
            </div>
          </>
        )}
      </WhenLoaded>
    </Page>
  );
}
