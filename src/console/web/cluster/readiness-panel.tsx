import type { ClusterReply } from "../../state-routes.ts";
import { bytes, count } from "../format.ts";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { Panel } from "../parts/panel.tsx";

/** Whether the node may be sent requests, and the cluster answers for all shards. */
export function ReadinessPanel({ reply }: { reply: ClusterReply }) {
  const { readiness, shards, cluster } = reply;
  const unanswered = shards.filter(({ ready }) => !ready).length;
  return (
    <Panel
      title={`Node ${reply.node}`}
      actions={readiness.ready ? <Tag tone="good">ready</Tag> : <Tag tone="bad">not ready</Tag>}
    >
      {readiness.reasons.map(({ code, message }) => (
        <p key={code} class="notice tone-bad">
          {message} <span class="code">{code}</span>
        </p>
      ))}
      <Facts>
        <Fact name="nodes">{count(cluster.nodes.length)}</Fact>
        <Fact name="shards answered for" tone={unanswered > 0 ? "bad" : undefined}>
          {count(shards.length - unanswered)} of {count(shards.length)}
        </Fact>
        <Fact name="lag, all shards" tone={reply.lag > 0 ? undefined : "good"}>
          {count(reply.lag)}
        </Fact>
        <Fact name="visitors held">{count(reply.users)}</Fact>
        <Fact name="events folded">{count(reply.events)}</Fact>
        <Fact name="programs found">{count(reply.bots)}</Fact>
        <Fact name="memory of this process">{bytes(reply.memoryBytes)}</Fact>
      </Facts>
      {reply.gateway.refusing.map(({ shard, lag }) => (
        <p key={shard} class="notice tone-warn">
          Events for shard {shard} are refused here: it is {count(lag)} log messages behind.
        </p>
      ))}
    </Panel>
  );
}
