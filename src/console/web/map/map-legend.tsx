import { isDark } from "../theme.ts";
import type { LiveMap } from "./live-map.ts";
import { lookOf } from "./palette.ts";

/** The segments of a map with how many resonate with each the most now; one can be picked out. */
export function MapLegend({
  live,
  only,
  choose,
}: {
  live: LiveMap;
  only: number | undefined;
  choose: (segment: number | undefined) => void;
}) {
  const { segments = [], mode = "exclusive" } = live.plane.value ?? {};
  const { counts = [] } = live.facts.value ?? {};
  const rows = segments.map(({ segment, members }, k) => ({
    name: segment,
    members,
    k,
    count: counts[k] ?? 0,
  }));
  const all =
    mode === "exclusive"
      ? [...rows, { name: "none of them", members: 0, k: -1, count: counts.at(-1) ?? 0 }]
      : rows;
  const total = Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  );
  return (
    <ul class="legend">
      {all.map(({ name, k, count }) => {
        const { colour, isRing } = lookOf(k, isDark.value);
        const mark = isRing ? { borderColor: colour } : { borderColor: colour, background: colour };
        return (
          <li key={name}>
            <button
              type="button"
              class="legend-entry"
              aria-pressed={only === k}
              onClick={() => choose(only === k ? undefined : k)}
            >
              <span class="legend-mark" style={mark} />
              <span class="legend-name">{name}</span>
              <span class="legend-count">{count.toLocaleString("en")}</span>
              <span class="legend-share" aria-hidden="true">
                <span style={{ width: `${(count / total) * 100}%`, background: colour }} />
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
