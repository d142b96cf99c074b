import type { PlaneFrame } from "../../map-frame.ts";
import { DotRaster } from "./dot-raster.ts";
import { drawGround, MARK_RADIUS } from "./draw-ground.ts";
import { drawVisitors, type View } from "./draw-visitors.ts";
import { fitView } from "./fit-view.ts";
import { type Box, placeLabels } from "./label-places.ts";
import { lookOf } from "./palette.ts";
import type { PointField } from "./point-field.ts";

/** More pixels than this show nothing more, and cost. */
const RATIO_MAX = 2;
const RING = { radius: 8, hole: 0.78 } as const;
const WHITE = [255, 255, 255] as const;
const BLACK = [20, 24, 28] as const;
const MARK_HOLE = 0.7;
const FAINT = 0.35;
const LABEL_HEIGHT = 22;
/** Room in a label beside its text. */
const LABEL_PADDING = 14;

/** What the picture looks like at this moment. */
export type PictureState = Readonly<{
  isDark: boolean;
  only: number | undefined;
  /** The visitor that is pointed at. */
  pointed: number | undefined;
}>;

/** Paints a map's picture on a canvas. */
export class MapPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #ground = document.createElement("canvas");
  readonly #raster = new DotRaster();
  #groundPixels = new Uint8ClampedArray();
  #image: ImageData | undefined;
  #view: View = { middleX: 0, middleY: 0, scale: 1, ratio: 1, pointSize: 1 };
  #segments: PlaneFrame["segments"] = [];

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("this browser draws no pictures");
    this.#canvas = canvas;
    this.#context = context;
  }

  /**
   * Lays the ground anew: the size, the segments or the colours have changed.
   *
   * @returns A box for the label of each segment that has a place, in CSS pixels.
   */
  layGround(segments: PlaneFrame["segments"], isDark: boolean): ReadonlyMap<number, Box> {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = Math.min(RATIO_MAX, devicePixelRatio);
    const pixels = {
      width: Math.max(1, Math.round(width * ratio)),
      height: Math.max(1, Math.round(height * ratio)),
    };
    Object.assign(this.#canvas, pixels);
    Object.assign(this.#ground, pixels);
    this.#view = fitView(segments, { width, height, ratio });
    this.#segments = segments;
    const context = this.#ground.getContext("2d", { alpha: false, willReadFrequently: true });
    if (context === null) return new Map();
    const style = getComputedStyle(this.#canvas);
    const colours = { surface: style.backgroundColor, line: style.borderTopColor, isDark };
    drawGround(context, segments, this.#view, colours);
    this.#groundPixels = context.getImageData(0, 0, pixels.width, pixels.height).data;
    this.#image = this.#context.createImageData(pixels.width, pixels.height);
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const shown = segments.flatMap(({ segment, place }, k) =>
      place === null ? [] : [{ k, segment, place }],
    );
    const boxes = placeLabels(
      shown.map(({ segment, place }) => ({
        x: (this.#view.middleX + place[0] * this.#view.scale) / ratio,
        y: (this.#view.middleY - place[1] * this.#view.scale) / ratio,
        width: context.measureText(segment).width + LABEL_PADDING,
        height: LABEL_HEIGHT,
      })),
      { width, height },
      MARK_RADIUS,
    );
    return new Map(shown.map(({ k }, i) => [k, boxes[i] ?? { left: 0, top: 0, width: 0, height: 0 }]));
  }

  paint(field: PointField, nowMs: number, { isDark, only, pointed }: PictureState): void {
    if (this.#image === undefined) return;
    const { data, width, height } = this.#image;
    data.set(this.#groundPixels);
    this.#raster.begin(data, width, height);
    drawVisitors(this.#raster, field, this.#view, { nowMs, isDark, only });
    this.#markSegments(isDark, only);
    const slot = pointed === undefined ? undefined : field.slotOf(pointed);
    if (slot !== undefined) {
      const { middleX, middleY, scale, ratio } = this.#view;
      const [x, y] = [middleX + (field.x[slot] ?? 0) * scale, middleY - (field.y[slot] ?? 0) * scale];
      this.#raster.dot(x, y, RING.radius * ratio, isDark ? WHITE : BLACK, 1, RING.hole);
    }
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** Over the points: in a crowd one still sees where its segment is. */
  #markSegments(isDark: boolean, only: number | undefined): void {
    const { middleX, middleY, scale, ratio } = this.#view;
    for (const [k, { place }] of this.#segments.entries()) {
      if (place === null) continue;
      const [x, y] = [middleX + place[0] * scale, middleY - place[1] * scale];
      const opacity = only === undefined || only === k ? 1 : FAINT;
      this.#raster.dot(x, y, (MARK_RADIUS + 1.5) * ratio, isDark ? BLACK : WHITE, opacity);
      this.#raster.dot(x, y, MARK_RADIUS * ratio, lookOf(k, isDark).rgb, opacity, MARK_HOLE);
    }
  }

  /** The visitor at a place of the picture, CSS pixels; undefined if nobody is near. */
  visitorAt(field: PointField, x: number, y: number, reach: number): number | undefined {
    const { middleX, middleY, scale, ratio } = this.#view;
    const slot = field.nearest(
      (x * ratio - middleX) / scale,
      (middleY - y * ratio) / scale,
      (reach * ratio) / scale,
    );
    return slot === undefined ? undefined : field.number[slot];
  }
}
