import type { Bus } from "../actors/bus.ts";
import type { Subjects } from "../events/subjects.ts";
import { newestProfiles } from "../gateway/describe-profiles.ts";
import type { GatewayPorts } from "../gateway/gateway-ports.ts";
import { waysToShard } from "../gateway/ways-to-shard.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { LatelyReply, LatelyRequest } from "../resonance/lately-answer.ts";
import { type SegmentPlane, segmentPlane } from "../resonance/segment-plane.ts";
import { type PlaneFrame, type PointsFrame, VISITORS_MAX } from "./map-frame.ts";
import { nothingSeen, VisitorTable } from "./visitor-table.ts";

/** What the live map needs of a node. */
export type LiveMapPorts = Readonly<{ bus: Bus; subjects: Subjects }> &
  Pick<GatewayPorts, "clock" | "decodeProfiles" | "ownerOf" | "releases" | "sleep">;

/** How often the shards are asked; of many shards less often, so that a second has some hundreds of questions at most. */
const ASK_EVERY_MS = 250;
const ASK_EVERY_MS_A_SHARD = 4;
const ASK_TIMEOUT_MS = 1_000;
/** How often is looked for new profiles: a picture whose ground moves all the time tells nothing. */
const PROFILES_EVERY_MS = 2_000;
/** Users a shard tells at once, at least: shards have not all as many who are active. */
const LIMIT_MIN = 256;
const LIMIT_FACTOR = 2;

/** Where one who looks is sent what changes. */
export type MapViewer = Readonly<{
  /** @returns False if it was not taken: it is told again, with what comes after it. */
  plane(frame: PlaneFrame): boolean;
  points(frame: PointsFrame): boolean;
  ended: AbortSignal;
}>;

/** The live pictures of a node's maps. What nobody looks at is not asked for. */
export class LiveMaps {
  readonly #ports: LiveMapPorts;
  readonly #shards: number;
  readonly #watched = new Map<string, WatchedMap>();

  constructor(ports: LiveMapPorts, shards: number) {
    this.#ports = ports;
    this.#shards = shards;
  }

  /** Tells somebody of a map until they end. */
  async watch(map: string, mode: PlaneFrame["mode"], viewer: MapViewer): Promise<void> {
    let watched = this.#watched.get(map);
    if (watched === undefined || watched.isOver) {
      watched = new WatchedMap(this.#ports, this.#shards, map, mode);
      this.#watched.set(map, watched);
      void watched.run();
    }
    const looked = watched;
    await looked.tell(viewer);
    if (looked.isIdle && this.#watched.get(map) === looked) this.#watched.delete(map);
  }

  /** Whose number it is on a map that somebody looks at; undefined if they are not shown any more. */
  userOf(map: string, number: number): string | undefined {
    return this.#watched.get(map)?.userOf(number);
  }
}

/** What is known of how far a shard has told. */
type Told = { epoch: number; turn: number; erasures: number; events: number };

class WatchedMap {
  readonly #ports: LiveMapPorts;
  readonly #shards: number;
  readonly #map: string;
  readonly #mode: PlaneFrame["mode"];
  readonly #table = new VisitorTable();
  readonly #told: (Told | undefined)[] = [];
  #plane: SegmentPlane | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #viewers = 0;
  #silent = 0;
  #rate: number | null = null;
  #askedMs = 0;
  /** Resolves after the next round of questions. */
  #round = Promise.withResolvers<void>();
  /** It asks no more. */
  isOver = false;

  constructor(ports: LiveMapPorts, shards: number, map: string, mode: PlaneFrame["mode"]) {
    this.#ports = ports;
    this.#shards = shards;
    this.#map = map;
    this.#mode = mode;
  }

  /** Nobody looks. */
  get isIdle(): boolean {
    return this.#viewers === 0;
  }

  userOf(number: number): string | undefined {
    return this.#table.userOf(number);
  }

  /** Asks as long as somebody looks. */
  async run(): Promise<void> {
    const everyMs = Math.max(ASK_EVERY_MS, ASK_EVERY_MS_A_SHARD * this.#shards);
    do {
      try {
        await this.#look();
        if (this.#plane !== undefined) await this.#ask(this.#plane);
      } catch {
        // The log or the store is out of reach: what is known stays, and the next round tries again.
      }
      this.#wake();
      await this.#ports.sleep(everyMs);
    } while (!this.isIdle);
    this.isOver = true;
  }

  async tell(viewer: MapViewer): Promise<void> {
    this.#viewers++;
    viewer.ended.addEventListener("abort", () => this.#wake());
    const seen = nothingSeen();
    let version = -1;
    try {
      while (!viewer.ended.aborted) {
        const plane = this.#planeFrame();
        if (plane.version !== version && viewer.plane(plane)) version = plane.version;
        if (version === plane.version) {
          const nowMs = this.#ports.clock.nowMs();
          const news = this.#table.newsFor(seen, nowMs);
          const facts = { eventsPerSecond: this.#rate, silentShards: this.#silent, shards: this.#shards };
          if (viewer.points({ atMs: nowMs, ...news, ...facts })) this.#table.markSeen(seen, news);
        }
        await this.#round.promise;
      }
    } finally {
      this.#viewers--;
    }
  }

  #wake(): void {
    const { resolve } = this.#round;
    this.#round = Promise.withResolvers();
    resolve();
  }

  #planeFrame(): PlaneFrame {
    const { version = 0, segments = [], shown = 0 } = this.#plane ?? {};
    return { map: this.#map, mode: this.#mode, version, segments, shown };
  }

  /** Looks for new profiles now and then. */
  async #look(): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (nowMs - this.#lookedMs < PROFILES_EVERY_MS && this.#plane !== undefined) return;
    this.#lookedMs = nowMs;
    const published = await newestProfiles(this.#ports, this.#map);
    if (published === undefined || published.version === this.#plane?.version) return;
    this.#plane = segmentPlane(published, this.#plane);
    this.#told.length = 0; // All have another place now.
  }

  async #ask(plane: SegmentPlane): Promise<void> {
    const { clock } = this.#ports;
    const sent = {
      encoder: plane.encoder,
      dim: plane.dim,
      center: bytesOf(plane.center),
      axes: bytesOf(plane.axes),
    };
    const before = this.#told.reduce((sum, told) => sum + (told?.events ?? 0), 0);
    const wasWhole = this.#told.length === this.#shards && !this.#told.includes(undefined);
    const answered = await Promise.all(
      Array.from({ length: this.#shards }, (_, shard) => this.#askShard(shard, sent)),
    );
    this.#silent = answered.filter((isTold) => !isTold).length;
    const nowMs = clock.monotonicMs();
    const after = this.#told.reduce((sum, told) => sum + (told?.events ?? 0), 0);
    if (wasWhole && this.#silent === 0 && nowMs > this.#askedMs && after >= before)
      this.#rate = smooth(this.#rate, ((after - before) * 1_000) / (nowMs - this.#askedMs));
    this.#askedMs = nowMs;
    this.#table.dropIdle(clock.nowMs());
  }

  /** @returns Whether it has answered. */
  async #askShard(shard: number, plane: LatelyRequest["plane"]): Promise<boolean> {
    const { bus, subjects } = this.#ports;
    const told = this.#told[shard];
    const limit = Math.max(LIMIT_MIN, Math.ceil((LIMIT_FACTOR * VISITORS_MAX) / this.#shards));
    const request: LatelyRequest = { map: this.#map, since: told?.turn ?? 0, limit, plane };
    const [subject = ""] = waysToShard({ ...this.#ports, subjects }, shard, "lately");
    try {
      const reply = await bus.request(subject, encode(request), { timeoutMs: ASK_TIMEOUT_MS });
      if (reply.error !== undefined) return false;
      const news = decode(reply.data) as LatelyReply;
      const { epoch, turn, erasures, events } = news;
      // Another owner counts anew, and somebody may have been erased of whom nothing may be shown: from the beginning.
      const isNew = told !== undefined && (told.epoch !== epoch || told.erasures !== erasures);
      if (isNew) {
        this.#table.dropShard(shard);
        this.#told[shard] = undefined;
        return true;
      }
      this.#table.take(shard, news);
      this.#told[shard] = { epoch, turn, erasures, events };
      return true;
    } catch {
      return false; // It has no owner at this moment, or is of an earlier build.
    }
  }
}

/** A rate that does not flicker. */
function smooth(before: number | null, now: number): number {
  return before === null ? now : before * 0.8 + now * 0.2;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
