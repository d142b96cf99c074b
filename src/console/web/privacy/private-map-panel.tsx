import type { PrivacyReport } from "../../../gateway/privacy-report.ts";
import type { MeasuredView } from "../../state-routes.ts";
import { count, percent, span } from "../format.ts";
import { ShareBar } from "../parts/bars.tsx";
import { Fact, Facts, Tag } from "../parts/facts.tsx";
import { WhenLoaded } from "../parts/loaded.tsx";
import { Panel, TableRoom } from "../parts/panel.tsx";
import { mayAct } from "../session.ts";
import type { Loaded } from "../use-data.ts";

/** From this part of a budget on it is told as nearly spent. */
const NEARLY_SPENT = 0.9;

/** What one private map promises, has spent, and for operators what that does to its profiles. */
export function PrivateMapPanel({
  map,
  utility,
}: {
  map: Omit<PrivacyReport, "measured">;
  utility: Loaded<MeasuredView>;
}) {
  const { window, lifetime } = map;
  return (
    <Panel
      title={`Private map: ${map.map}`}
      hint={`Nobody's ${map.contributions} contributions to any ${span(map.windowMs)} change what is published by more than epsilon ${map.epsilon}, delta ${map.delta}.`}
    >
      <div class="budget">
        <p>
          <strong>{percent(window.share)}</strong> of the newest window's budget is spent: epsilon{" "}
          {window.epsilon.toFixed(3)} of {map.epsilon}
          {window.share >= NEARLY_SPENT ? " – further releases are refused once it is used up" : ""}
        </p>
        <ShareBar
          share={Math.min(1, window.share)}
          colour={window.share >= NEARLY_SPENT ? "--bad" : "--accent"}
        />
      </div>
      <Facts>
        <Fact name="releases ever">{count(lifetime.releases)}</Fact>
        <Fact name="epsilon for whoever was in all of them">{lifetime.epsilon.toFixed(2)}</Fact>
        <Fact name="releases refused" tone={map.refused > 0 ? "warn" : undefined}>
          {count(map.refused)}
        </Fact>
        <Fact name="buckets waiting for noise">{count(map.waiting)}</Fact>
        <Fact name="noise of a bucket">σ {map.sigma.toFixed(2)}</Fact>
        <Fact name={`noise of all ${map.buckets} buckets`}>σ {map.noise.toFixed(2)}</Fact>
      </Facts>
      <div class="columns">
        <TableRoom label="Epsilon by how often somebody contributes">
          <table class="table table-tight">
            <caption>
              Epsilon of somebody who contributed to so many buckets in their life, at this noise.
            </caption>
            <thead>
              <tr>
                <th scope="col" class="number">
                  buckets
                </th>
                <th scope="col" class="number">
                  epsilon
                </th>
              </tr>
            </thead>
            <tbody>
              {map.lifetimes.map(({ buckets, epsilon }) => (
                <tr key={buckets}>
                  <th scope="row" class="number">
                    {count(buckets)}
                  </th>
                  <td class="number">{epsilon.toFixed(2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableRoom>
        <Utility map={map.map} utility={utility} />
      </div>
    </Panel>
  );
}

/** What noise does to the profiles: it is measured against exact ones, so only operators are told. */
function Utility({ map, utility }: { map: string; utility: Loaded<MeasuredView> }) {
  if (!mayAct.value)
    return (
      <p class="hint">
        Sign in as an operator to see what noise does to each profile: that is measured against exact ones,
        which no noise covers.
      </p>
    );
  return (
    <WhenLoaded data={utility} what="what noise does">
      {({ maps }) => {
        const measured = maps.find((one) => one.map === map)?.measured ?? null;
        return measured === null ? (
          <p class="hint">Nothing is noised yet: it begins when the first bucket of the window closes.</p>
        ) : (
          <Measured measured={measured} />
        );
      }}
    </WhenLoaded>
  );
}

function Measured({ measured }: { measured: NonNullable<PrivacyReport["measured"]> }) {
  const { auc, leastCount } = measured;
  return (
    <div>
      <TableRoom label="What noise does to each profile">
        <table class="table table-tight">
          <caption>
            A segment is shown from {count(Math.ceil(leastCount))} contributions on. Exact figures are not
            covered by the noise: they are for whoever runs the engine.
          </caption>
          <thead>
            <tr>
              <th scope="col">segment</th>
              <th scope="col">shown</th>
              <th scope="col" class="number">
                noisy count
              </th>
              <th scope="col" class="number">
                exact
              </th>
              <th scope="col" class="number">
                cosine to exact
              </th>
            </tr>
          </thead>
          <tbody>
            {measured.segments.map((one) => (
              <tr key={one.segment}>
                <th scope="row">{one.segment}</th>
                <td>{one.isShown ? <Tag tone="good">yes</Tag> : <Tag tone="warn">not yet</Tag>}</td>
                <td class="number">{count(one.count)}</td>
                <td class="number">{count(one.exactCount)}</td>
                <td class="number">{one.measured?.toFixed(3) ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableRoom>
      <p class="hint">
        {auc === null
          ? "How well members are told is measured once two segments have some."
          : `Utility: ${count(auc.members)} members are told with an AUC of ${auc.noisy.toFixed(3)} by noisy profiles, ${auc.exact.toFixed(3)} by exact ones.`}
      </p>
    </div>
  );
}
