import type { PrivacyView } from "../../state-routes.ts";
import { count } from "../format.ts";
import { CountTable } from "../parts/count-table.tsx";
import { Fact, Facts } from "../parts/facts.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";

const RULES: Readonly<Record<string, string>> = {
  "opt-in": "only after a yes",
  "opt-out": "unless there was a no",
};
const WHY: Readonly<Record<string, string>> = {
  "not-given": "nobody had said yes",
  refused: "they said no",
};

/** The policy of consent in force, and what was left out by it. */
export function ConsentPanel({ view }: { view: PrivacyView }) {
  const { policy, consent, dropped } = view;
  const withheld = Object.entries(consent.by.withheld).sort(([, a], [, b]) => b - a);
  const takenBack = Object.entries(consent.by.withdrawals).sort(([, a], [, b]) => b - a);
  const regions = Object.entries(policy.regions);
  const drops = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  return (
    <Panel
      title="Consent"
      hint={
        policy.version === 0
          ? "The engine's own policy is in force: resonance privacy policy put FILE puts another."
          : `Policy v${policy.version} is in force.`
      }
    >
      <TableRoom label="Rules of the policy">
        <table class="table table-tight">
          <thead>
            <tr>
              <th scope="col">purpose</th>
              <th scope="col">{regions.length === 0 ? "rule" : "everywhere else"}</th>
              {regions.map(([region]) => (
                <th scope="col" key={region}>
                  {region}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Object.entries(policy.purposes).map(([purpose, rule]) => (
              <tr key={purpose}>
                <th scope="row">{purpose}</th>
                <td>{RULES[rule] ?? rule}</td>
                {regions.map(([region, { purposes }]) => {
                  const own = purposes[purpose];
                  return <td key={region}>{own === undefined ? "as elsewhere" : (RULES[own] ?? own)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
      <Facts>
        <Fact name="purposes taken back">{count(consent.withdrawals)}</Fact>
        <Fact name="behaviours left out by shards">{count(consent.withheld)}</Fact>
      </Facts>
      {takenBack.length > 0 && (
        <p class="hint">
          Taken back: {takenBack.map(([purpose, times]) => `${purpose} ${count(times)}`).join(", ")}.
        </p>
      )}
      {drops.length === 0 ? (
        <p class="hint">This node's gateway has dropped nothing for want of consent since it started.</p>
      ) : (
        <CountTable
          label="What was dropped for want of consent"
          caption="Dropped by this node's gateway before anything was stored, since it started."
          heads={["purpose", "why", "times"]}
          rows={drops.map(([name, times]) => {
            const [purpose = name, why = ""] = name.split(".");
            return { key: name, head: purpose, cells: [WHY[why] ?? why], times };
          })}
        />
      )}
      {withheld.length > 0 && (
        <CountTable
          label="What shards left out for want of consent"
          caption="Left out by the shards of what was stored, since their owners started: acts that a family of features did not see, and whole behaviours."
          heads={["purpose", "left out", "why", "times"]}
          rows={withheld.map(([name, times]) => {
            const [purpose = name, family = "", why = ""] = name.split(".");
            const what = family === "all" ? "everything" : family;
            return { key: name, head: purpose, cells: [what, WHY[why] ?? why], times };
          })}
        />
      )}
    </Panel>
  );
}
