import type { ClusterReply } from "../../state-routes.ts";
import { ago, short } from "../format.ts";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { Panel } from "../parts/panel.tsx";

/** The encoder in force, what is on its way, and what drifts. */
export function ReleasePanel({ reply: { release, drift } }: { reply: ClusterReply }) {
  return (
    <Panel title="Release">
      {release === null ? (
        <p class="notice tone-warn">
          The profile actor does not answer, so that nothing is known of the release.
        </p>
      ) : (
        <Facts>
          <Fact name="encoder in force">
            <code>{short(release.encoder)}</code>
          </Fact>
          {release.rollOut === undefined ? null : (
            <Fact name="rolling out">
              <code>{short(release.rollOut.encoder)}</code>, {release.rollOut.prepared} of{" "}
              {release.rollOut.shards} shards
              {release.rollOut.isHeld ? ", held" : ""}
            </Fact>
          )}
          {release.next === undefined ? null : (
            <Fact name="segments on their way">
              v{release.next.version}, {release.next.prepared} of {release.next.shards} shards
            </Fact>
          )}
          {release.previous === undefined ? null : (
            <Fact name="can be taken back to">
              <code>{short(release.previous.encoder)}</code>
            </Fact>
          )}
        </Facts>
      )}
      {drift === null ? (
        <p class="hint">Drift has not been measured yet.</p>
      ) : drift.alerts.length === 0 ? (
        <p>
          <Tag tone="good">no drift</Tag> measured {ago(drift.atMs)}
        </p>
      ) : (
        drift.alerts.map(({ kind, of, value, limit }) => (
          <p key={`${kind} ${of}`} class="notice tone-warn">
            Drift: {kind} of {of} is {value.toFixed(3)}, above {limit.toFixed(3)}, measured {ago(drift.atMs)}.{" "}
            <code>resonance drift</code> tells more.
          </p>
        ))
      )}
    </Panel>
  );
}
