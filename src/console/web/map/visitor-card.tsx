import { useEffect, useState } from "preact/hooks";
import type { VisitorReply } from "../../live-map-routes.ts";
import { get } from "../api.ts";
import { isDark } from "../theme.ts";
import type { LiveMap } from "./live-map.ts";
import { lookOf } from "./palette.ts";

/** A pointer that passes by asks nothing. */
const ASK_AFTER_MS = 90;
/** While somebody is pointed at, how often their distribution is asked for again. */
const ASK_EVERY_MS = 1_000;
const SEGMENTS_SHOWN = 5;
/** Beyond this share of the picture the card stands on the other side of the pointer. */
const FLIP_AT = { x: 0.55, y: 0.6 } as const;

/** Who is pointed at, and how strongly they resonate with what. */
export function VisitorCard({ live, number, x, y }: { live: LiveMap; number: number; x: number; y: number }) {
  const [visitor, setVisitor] = useState<Readonly<{ number: number }> & VisitorReply>();
  useEffect(() => {
    const ending = new AbortController();
    const ask = async (): Promise<void> => {
      const path = `live/${encodeURIComponent(live.map)}/visitor/${number}`;
      const told = await get<VisitorReply>(path, ending.signal).catch(() => undefined); // They may be gone by now.
      if (ending.signal.aborted) return;
      if (told !== undefined) setVisitor({ number, ...told });
      timer = setTimeout(ask, ASK_EVERY_MS);
    };
    let timer = setTimeout(ask, ASK_AFTER_MS);
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [live, number]);
  if (visitor?.number !== number) return null;
  const segments = live.plane.value?.segments ?? [];
  const places = new Map(segments.map(({ segment }, k) => [segment, k]));
  const rows = visitor.answer.segments
    .map(({ segment, probability }) => ({ name: segment, probability, place: places.get(segment) ?? -1 }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, SEGMENTS_SHOWN);
  const none = live.plane.value?.mode === "exclusive" ? visitor.answer.none : undefined;
  if (none !== undefined) rows.push({ name: "none of them", probability: none, place: -1 });
  const flips = [x > FLIP_AT.x * innerWidth ? "-100%" : "0", y > FLIP_AT.y * innerHeight ? "-100%" : "0"];
  return (
    <div
      class="map-card"
      style={{ left: `${x}px`, top: `${y}px`, transform: `translate(${flips[0]}, ${flips[1]})` }}
    >
      <p class="map-card-name">{visitor.user}</p>
      <ul class="bars">
        {rows.map(({ name, probability, place }) => (
          <li key={name}>
            <span class="bars-name">{name}</span>
            <span class="bars-track">
              <span
                class="bars-fill"
                style={{ width: `${probability * 100}%`, background: lookOf(place, isDark.value).colour }}
              />
            </span>
            <span class="bars-value">{Math.round(probability * 100)} %</span>
          </li>
        ))}
      </ul>
      <p class="hint">Press to see why.</p>
    </div>
  );
}
