import { setTimeout as sleep } from "node:timers/promises";
import {
  PLACE_SCALE,
  type PlaneFrame,
  type PointsFrame,
  PROBABILITY_SCALE,
} from "../../src/console/map-frame.ts";
import { type AdminRoute, jsonReply } from "../../src/gateway/http/admin-route.ts";
import { seededRandom } from "../../src/kernel/random.ts";

const SEGMENTS = ["browsers", "bargain-hunters", "researchers", "loyal-buyers", "gift-shoppers"];
const PLACES = [
  [-0.1, -0.9],
  [0.85, 0.3],
  [0.2, -0.85],
  [-0.4, 0.8],
  [-0.75, -0.05],
] as const;
const EVERY_MS = 250;

/** Routes that tell of so many visitors as a node does, all of whom move with every frame: more than any shop makes them. */
export function syntheticMap(visitors: number): readonly AdminRoute[] {
  const random = seededRandom(5);
  const segments = SEGMENTS.map((segment, k) => ({ segment, members: 100, place: PLACES[k] ?? null }));
  const plane: PlaneFrame = { map: "load", mode: "exclusive", version: 1, segments, shown: 0.8 };
  const n = Array.from({ length: visitors }, (_, i) => i + 1);
  const s = n.map(() => Math.floor(random() * SEGMENTS.length));
  const near = (k: number, axis: 0 | 1) =>
    ((PLACES[k] ?? [0, 0])[axis] * 0.7 + (random() - 0.5) * 0.5) * PLACE_SCALE;
  const frame = (): PointsFrame => ({
    atMs: 0,
    ...{ n, s, gone: [], active: visitors, eventsPerSecond: visitors * 4, silentShards: 0, shards: 8 },
    x: s.map((k) => Math.round(near(k, 0))),
    y: s.map((k) => Math.round(near(k, 1))),
    p: s.map(() => Math.round(random() * PROBABILITY_SCALE)),
    a: s.map(() => 0),
  });
  return [
    {
      method: "GET",
      path: "/console/v1/maps",
      role: "reader",
      answer: async () => jsonReply({ maps: [{ map: "load", mode: "exclusive", segments: SEGMENTS }] }),
    },
    {
      method: "GET",
      path: "/console/v1/live/:map",
      role: "reader",
      async stream(_, feed) {
        feed.send("plane", plane);
        while (!feed.ended.aborted) {
          feed.send("points", frame());
          await sleep(EVERY_MS);
        }
      },
    },
  ];
}
