import type { PlaneFrame } from "../../map-frame.ts";
import type { View } from "./draw-visitors.ts";

/** Visitors are seldom further out than this: their behaviour differs in more ways than the plane shows. */
const USUAL_REACH = 0.62;
/** Room at the edges for the marks of segments and their labels, CSS pixels. */
const MARGIN = { x: 72, y: 34 } as const;
const MARGIN_NARROW = { x: 40, y: 30 } as const;
const NARROW = 560;
/** Pixels that one is across on a picture whose points have their usual size, and how small they may become. */
const USUAL_SCALE = 320;
const POINT_SIZE_MIN = 0.65;

/**
 * The view that has all segments and nearly all visitors in it, as large as it can be. One is as many pixels across as upwards:
 * distances are to be compared.
 *
 * @param size - In CSS pixels; `ratio` is how many pixels of the canvas one of them is.
 */
export function fitView(
  segments: PlaneFrame["segments"],
  size: Readonly<{ width: number; height: number; ratio: number }>,
): View {
  const places = segments.flatMap(({ place }) => (place === null ? [] : [place]));
  const xs = [-USUAL_REACH, USUAL_REACH, ...places.map(([x]) => x)];
  const ys = [-USUAL_REACH, USUAL_REACH, ...places.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const margin = size.width < NARROW ? MARGIN_NARROW : MARGIN;
  const across = Math.max(40, size.width - 2 * margin.x) / (right - left);
  const upwards = Math.max(40, size.height - 2 * margin.y) / (high - low);
  const scale = Math.min(across, upwards) * size.ratio;
  return {
    middleX: (size.width * size.ratio) / 2 - ((left + right) / 2) * scale,
    middleY: (size.height * size.ratio) / 2 + ((low + high) / 2) * scale,
    scale,
    ratio: size.ratio,
    pointSize: Math.min(1.25, Math.max(POINT_SIZE_MIN, Math.sqrt(scale / size.ratio / USUAL_SCALE))),
  };
}
