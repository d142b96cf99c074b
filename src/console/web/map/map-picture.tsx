import { useEffect, useRef, useState } from "preact/hooks";
import { isDark } from "../theme.ts";
import type { Box } from "./label-places.ts";
import type { LiveMap } from "./live-map.ts";
import { MapPainter } from "./map-painter.ts";
import { lookOf } from "./palette.ts";
import { VisitorCard } from "./visitor-card.tsx";

/** How near to a point one has to be to mean it, CSS pixels. */
const REACH = { mouse: 12, touch: 24 } as const;
/** After a pause of the browser points do not leap. */
const STEP_MAX_MS = 100;
/** How often is told how fast the picture is drawn. */
const MEASURED_MS = 1_000;

/** The visitor that is pointed at, and where. */
type Pointed = Readonly<{ number: number; x: number; y: number }>;

/** The moving picture of a map. */
export function MapPicture({
  live,
  only,
  isPaused,
  open,
}: {
  live: LiveMap;
  only: number | undefined;
  isPaused: boolean;
  /** Opens a visitor by their number. */
  open: (number: number) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<MapPainter>();
  const [labels, setLabels] = useState<ReadonlyMap<number, Box>>(new Map());
  const [pointed, setPointed] = useState<Pointed>();
  const state = useRef({ only, pointed: pointed?.number, isPaused });
  state.current = { only, pointed: pointed?.number, isPaused };
  const segments = live.plane.value?.segments;
  const dark = isDark.value;

  useEffect(() => {
    const shown = canvas.current;
    if (shown === null) return;
    painter.current = new MapPainter(shown);
    const lay = (): void => {
      const now = painter.current?.layGround(live.plane.peek()?.segments ?? [], isDark.peek());
      setLabels(now ?? new Map());
    };
    const sized = new ResizeObserver(lay);
    sized.observe(shown);
    let lastMs = performance.now();
    let measured = { fromMs: lastMs, frames: 0, drawnMs: 0 };
    let request = requestAnimationFrame(function frame(): void {
      request = requestAnimationFrame(frame);
      const nowMs = performance.now();
      if (!state.current.isPaused) live.field.step(Math.min(STEP_MAX_MS, nowMs - lastMs));
      lastMs = nowMs;
      painter.current?.paint(live.field, nowMs, { isDark: isDark.peek(), ...state.current });
      const endMs = performance.now();
      measured = { ...measured, frames: measured.frames + 1, drawnMs: measured.drawnMs + endMs - nowMs };
      if (endMs - measured.fromMs < MEASURED_MS) return;
      const { frames, fromMs, drawnMs } = measured;
      shown.dataset["framesPerSecond"] = ((frames * 1_000) / (endMs - fromMs)).toFixed(1);
      shown.dataset["drawnMs"] = (drawnMs / frames).toFixed(2);
      shown.dataset["visitors"] = String(live.field.shown);
      measured = { fromMs: endMs, frames: 0, drawnMs: 0 };
    });
    return () => {
      cancelAnimationFrame(request);
      sized.disconnect();
    };
  }, [live]);

  // After the stylesheet's colours have changed, or the segments.
  useEffect(() => {
    setLabels(painter.current?.layGround(segments ?? [], dark) ?? new Map());
  }, [segments, dark]);

  const point = (event: PointerEvent): Pointed | undefined => {
    const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    const reach = event.pointerType === "mouse" ? REACH.mouse : REACH.touch;
    const number = painter.current?.visitorAt(live.field, x, y, reach);
    return number === undefined ? undefined : { number, x, y };
  };
  const press = (event: PointerEvent): void => {
    const found = point(event);
    // A finger has no way to point without pressing: the first time shows who it is, the second opens.
    if (found !== undefined && (event.pointerType === "mouse" || found.number === pointed?.number))
      open(found.number);
    else setPointed(found);
  };
  return (
    <div class="map-picture">
      <canvas
        ref={canvas}
        class={pointed === undefined ? "map-canvas" : "map-canvas map-canvas-pointed"}
        role="img"
        aria-label="Visitors as points between their segments. The same is told by the table."
        onPointerMove={(event) => event.pointerType === "mouse" && setPointed(point(event))}
        onPointerLeave={(event) => event.pointerType === "mouse" && setPointed(undefined)}
        onPointerUp={press}
      />
      {(segments ?? []).map(({ segment }, k) => {
        const box = labels.get(k);
        if (box === undefined) return null;
        const isFaint = only !== undefined && only !== k;
        return (
          <span
            key={segment}
            class={isFaint ? "map-label map-label-faint" : "map-label"}
            aria-hidden="true"
            style={{
              left: `${box.left}px`,
              top: `${box.top}px`,
              width: `${box.width}px`,
              borderColor: lookOf(k, dark).colour,
            }}
          >
            {segment}
          </span>
        );
      })}
      {pointed === undefined ? null : <VisitorCard live={live} {...pointed} />}
    </div>
  );
}
