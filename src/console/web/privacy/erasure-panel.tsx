import type { PrivacyView } from "../../state-routes.ts";
import { count } from "../format.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";

/** Erasures that are not done everywhere yet. */
export function ErasurePanel({ view: { erasing } }: { view: PrivacyView }) {
  const pending = erasing.reduce((sum, { pending: some }) => sum + (some ?? 0), 0);
  const unknown = erasing.filter(({ pending: some }) => some === null).length;
  const busy = erasing.filter(({ pending: some }) => some !== null && some > 0);
  return (
    <Panel
      title="Erasures"
      hint="A user is forgotten by their shard at once; an erasure is done when logs, profiles and snapshots hold nothing of them any more."
    >
      <Facts>
        <Fact name="under way" tone={pending > 0 ? "warn" : "good"}>
          {count(pending)}
        </Fact>
        {unknown === 0 ? null : (
          <Fact name="shards that do not answer" tone="bad">
            {count(unknown)}
          </Fact>
        )}
      </Facts>
      {busy.length === 0 ? null : (
        <TableRoom label="Erasures under way by shard">
          <table class="table table-tight">
            <thead>
              <tr>
                <th scope="col">shard</th>
                <th scope="col" class="number">
                  under way
                </th>
              </tr>
            </thead>
            <tbody>
              {busy.map(({ shard, pending: some }) => (
                <tr key={shard}>
                  <th scope="row">{shard}</th>
                  <td class="number">{count(some ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableRoom>
      )}
      <p class="hint">
        <code>resonance erase USER</code> erases somebody, and waits for the proof.
      </p>
    </Panel>
  );
}
