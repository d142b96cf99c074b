import type { PlaneFrame } from "../../map-frame.ts";
import type { View } from "./draw-visitors.ts";
import { lookOf } from "./palette.ts";

/** Radius of a segment's mark, and of the glow around it, CSS pixels. */
export const MARK_RADIUS = 9;
const GLOW_RADIUS = 96;
/** Circles around the middle, where everybody is who behaves as all do together. */
const CIRCLES = [0.25, 0.5, 0.75, 1];

/** Draws what points move on: circles around the middle, and a glow for each segment. */
export function drawGround(
  context: CanvasRenderingContext2D,
  segments: PlaneFrame["segments"],
  view: View,
  colours: Readonly<{ surface: string; line: string; isDark: boolean }>,
): void {
  const { width, height } = context.canvas;
  const { middleX, middleY, scale, ratio } = view;
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, width, height);
  context.strokeStyle = colours.line;
  context.lineWidth = ratio;
  for (const radius of CIRCLES) {
    context.beginPath();
    context.arc(middleX, middleY, radius * scale, 0, 2 * Math.PI);
    context.stroke();
  }
  for (const [k, { place }] of segments.entries()) {
    if (place === null) continue;
    const [x, y] = [middleX + place[0] * scale, middleY - place[1] * scale];
    const { colour } = lookOf(k, colours.isDark);
    const glow = context.createRadialGradient(x, y, 0, x, y, GLOW_RADIUS * ratio);
    glow.addColorStop(0, `${colour}3d`);
    glow.addColorStop(0.45, `${colour}14`);
    glow.addColorStop(1, `${colour}00`);
    context.fillStyle = glow;
    context.fillRect(
      x - GLOW_RADIUS * ratio,
      y - GLOW_RADIUS * ratio,
      2 * GLOW_RADIUS * ratio,
      2 * GLOW_RADIUS * ratio,
    );
  }
}
