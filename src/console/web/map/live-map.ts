import { signal } from "@preact/signals";
import type { PlaneFrame, PointsFrame } from "../../map-frame.ts";
import { type ApiError, subscribe } from "../api.ts";
import { PointField } from "./point-field.ts";

/** What is told of a map beside its points. */
export type MapFacts = Readonly<{
  active: number;
  /** By segment, "none" last. */
  counts: readonly number[];
  eventsPerSecond: number | null;
  silentShards: number;
  shards: number;
}>;

/** A map as it is shown now: its points in {@link PointField}, which the picture reads every frame, the rest as signals. */
export class LiveMap {
  readonly map: string;
  readonly field = new PointField();
  readonly plane = signal<PlaneFrame | undefined>(undefined);
  readonly facts = signal<MapFacts | undefined>(undefined);
  readonly failure = signal<ApiError | undefined>(undefined);
  readonly isStill: () => boolean;
  #end: (() => void) | undefined;
  #isHeld = false;

  /** @param isStill - Whether points jump instead of moving. */
  constructor(map: string, isStill: () => boolean) {
    this.map = map;
    this.isStill = isStill;
  }

  /** Listens, until {@link pause}. */
  resume(): void {
    if (this.#isHeld) this.pause(); // What was left out comes with a new beginning.
    this.#end ??= subscribe(`live/${encodeURIComponent(this.map)}`, {
      began: () => {
        if (this.#isHeld) return;
        this.field.clear(); // The node begins with all of them.
        this.failure.value = undefined;
      },
      event: (name, data) => {
        if (this.#isHeld) return;
        if (name === "plane") this.plane.value = data as PlaneFrame;
        if (name === "points") this.#take(data as PointsFrame);
      },
      failed: (error) => {
        this.failure.value = error;
      },
    });
  }

  /** Shows what it shows, and goes on listening: the node knows who a point is only of maps that somebody looks at. */
  hold(): void {
    this.#isHeld = true;
  }

  pause(): void {
    this.#end?.();
    this.#end = undefined;
    this.#isHeld = false;
  }

  #take(frame: PointsFrame): void {
    this.field.take(frame, performance.now(), this.isStill());
    const { active, eventsPerSecond, silentShards, shards } = frame;
    const counts = this.field.counts(this.plane.value?.segments.length ?? 0);
    this.facts.value = { active, counts, eventsPerSecond, silentShards, shards };
  }
}
