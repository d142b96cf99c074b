import type { ProfilesReply } from "../../../gateway/describe-profiles.ts";
import type { Standing } from "../../../gateway/standing.ts";
import type { WhyOff } from "../../../resonance/choose-threshold.ts";
import { count, percent, span } from "../format.ts";
import { ShareBar } from "../parts/bars.tsx";
import { TableRoom } from "../parts/panel.tsx";
import { seriesColour } from "../series-colours.ts";
import { pointAt } from "./curve.ts";

const WHY_OFF: Readonly<Record<WhyOff, string>> = {
  "not-fitted": "nothing was fitted for it yet",
  "too-few-accepted": "too few held-out members to prove the precision",
  "precision-not-reached": "no threshold is proven to be precise enough",
};

/** The segments of a map, one a row. */
export function SegmentTable({ map, standing }: { map: ProfilesReply; standing: Standing | undefined }) {
  const most = Math.max(1, ...map.segments.map(({ members }) => members));
  return (
    <TableRoom label={`Segments of ${map.map}`}>
      <table class="table">
        {standing === undefined ? null : (
          <caption>
            Resonating now: of {count(standing.users)} active visitors looked at, who did something within{" "}
            {span(standing.activeMs)} before the newest event; {count(standing.resident)} are in memory.
          </caption>
        )}
        <thead>
          <tr>
            <th scope="col">segment</th>
            <th scope="col" class="number">
              members
            </th>
            <th scope="col">
              <span class="visually-hidden">members as a bar</span>
            </th>
            <th scope="col" class="number">
              resonating now
            </th>
            <th scope="col">resonates from</th>
            <th scope="col" class="number">
              precision there
            </th>
            <th scope="col" class="number">
              reach there
            </th>
          </tr>
        </thead>
        <tbody>
          {map.segments.map(({ segment, members, threshold, off }, k) => {
            const curve = map.quality?.curves.find((one) => one.segment === segment);
            const point =
              threshold === null || curve === undefined ? undefined : pointAt(curve, threshold.enter);
            const resonating = standing?.resonating[standing.segments.indexOf(segment)];
            return (
              <tr key={segment}>
                <th scope="row">{segment}</th>
                <td class="number">{count(members)}</td>
                <td class="bar-cell">
                  <ShareBar share={members / most} colour={seriesColour(k)} />
                </td>
                <td class="number">
                  {resonating === undefined || standing === undefined || standing.users === 0
                    ? "–"
                    : `${count(resonating)} (${percent(resonating / standing.users)})`}
                </td>
                <td class={threshold === null ? undefined : "keep"}>
                  {threshold === null ? (
                    <span class="hint">off: {off === undefined ? "by its definition" : WHY_OFF[off]}</span>
                  ) : (
                    `${percent(threshold.enter)}, until ${percent(threshold.leave)}`
                  )}
                </td>
                <td class="number">{point === undefined ? "–" : percent(point.precision)}</td>
                <td class="number">{point === undefined ? "–" : percent(point.share)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableRoom>
  );
}
