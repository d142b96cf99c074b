import type { DotRaster } from "./dot-raster.ts";
import { LOOKS, lookOf, type SegmentLook } from "./palette.ts";
import type { PointField } from "./point-field.ts";

/** From places in [-1, 1] to pixels: the middle of the picture, and how many pixels one is. */
export type View = Readonly<{
  middleX: number;
  middleY: number;
  scale: number;
  /** Pixels of the canvas in one of CSS. */
  ratio: number;
  /** How large points are drawn, 1 on a picture of the usual size: on a small one they would hide each other. */
  pointSize: number;
}>;

/** Sizes in CSS pixels. */
const RADIUS = { least: 1.9, most: 3.1 } as const;
const SHINE_RADIUS = 1.4;
const TAIL_RADIUS = 1.1;
/** Tails are drawn of dots so far apart, at most so many. */
const TAIL_STEP = 2.5;
const TAIL_DOTS_MAX = 8;
const HOLE = 0.55;
/** Who has done nothing for so long is as pale as anybody gets. */
const PALE_AFTER_MS = 60_000;
const OPACITY = { fresh: 0.92, pale: 0.38 } as const;
/** Of those whom nobody asks about while one segment is looked at. */
const DIMMED = 0.12;

/**
 * Draws all points: the stronger the resonance the larger, the longer ago the paler, brighter right after an event, with a tail
 * that shows where they come from.
 *
 * @param only - The segment that is looked at; undefined for all.
 */
export function drawVisitors(
  raster: DotRaster,
  field: PointField,
  view: View,
  now: Readonly<{ nowMs: number; isDark: boolean; only: number | undefined }>,
): void {
  const looks = looksOf(now.isDark);
  const { middleX, middleY, scale } = view;
  const ratio = view.ratio * view.pointSize;
  for (let i = 0; i < field.count; i++) {
    const segment = field.segment[i]!;
    const look = looks[segment < 0 ? LOOKS : segment % LOOKS]!;
    const age = Math.min(1, (now.nowMs - field.eventMs[i]!) / PALE_AFTER_MS);
    const shine = field.shine[i]!;
    const isDimmed = now.only !== undefined && now.only !== segment;
    const opacity =
      (OPACITY.fresh + (OPACITY.pale - OPACITY.fresh) * age) * field.presence[i]! * (isDimmed ? DIMMED : 1);
    const x = middleX + field.x[i]! * scale;
    const y = middleY - field.y[i]! * scale;
    const backX = middleX + field.tailX[i]! * scale - x;
    const backY = middleY - field.tailY[i]! * scale - y;
    const length = Math.hypot(backX, backY);
    if (length > TAIL_STEP * ratio) {
      const dots = Math.min(TAIL_DOTS_MAX, Math.floor(length / (TAIL_STEP * ratio)));
      for (let dot = dots; dot > 0; dot--) {
        const share = dot / dots;
        raster.dot(
          x + backX * share,
          y + backY * share,
          TAIL_RADIUS * ratio,
          look.rgb,
          opacity * 0.45 * (1 - share * 0.8),
        );
      }
    }
    const radius = RADIUS.least + (RADIUS.most - RADIUS.least) * field.probability[i]! + SHINE_RADIUS * shine;
    raster.dot(
      x,
      y,
      radius * ratio,
      look.rgb,
      Math.min(1, opacity + shine * 0.2 * (isDimmed ? 0 : 1)),
      look.isRing ? HOLE : 0,
    );
  }
}

const cached: Partial<Record<"dark" | "light", readonly SegmentLook[]>> = {};

/** All looks; the last is that of none. */
function looksOf(isDark: boolean): readonly SegmentLook[] {
  const name = isDark ? "dark" : "light";
  cached[name] ??= [
    ...Array.from({ length: LOOKS }, (_, segment) => lookOf(segment, isDark)),
    lookOf(-1, isDark),
  ];
  return cached[name];
}
