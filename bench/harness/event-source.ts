import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEventsFile } from "../../src/cli/read-events-file.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { BenchOptions } from "./bench-options.ts";

/** An event as services send it. */
export type SentEvent = Readonly<{ id: string; user: string; ts: number; type: string; item?: string }> &
  Readonly<Record<string, unknown>>;

/** Where events come from: a file, or the simulated shop. */
export type EventOrigin = Readonly<{ kind: "file"; path: string } | { kind: "simulated" }>;

/** How events are labelled and spread. */
export type EventOptions = Readonly<{
  /** Segments that members are labelled with. */
  segments: number;
  /** Users that the events are spread over, the first ones one event each; as the origin has them if left out. */
  users?: number;
  /** Begins the ids of events, and of users who are spread over: two streams of different names share none. */
  name?: string;
}>;

/** The map that members are labelled in. */
export const BENCH_MAP = "bench";
/** One user in so many is a member. */
const MEMBERS_EVERY = 10;
const SEED = 42;
const SIMULATED_VISITORS = 50_000;
const SIMULATED_START_MS = Date.UTC(2024, 0, 1);
const DATA_FILE = "globo.events.jsonl.gz";
/** Between two rounds through the same file. */
const LAP_GAP_MS = 3_600_000;

/** The data set if it is there, else the simulator. */
export async function findEvents(
  options: Pick<BenchOptions, "data" | "eventsFile" | "smoke">,
): Promise<EventOrigin> {
  if (options.eventsFile !== undefined) return { kind: "file", path: options.eventsFile };
  const root = new URL(import.meta.url.endsWith(".ts") ? "../../" : "../../../", import.meta.url);
  const folder = options.data ?? fileURLToPath(new URL("../shared/data", root));
  const path = join(folder, DATA_FILE);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  return isThere ? { kind: "file", path } : { kind: "simulated" };
}

/** How an origin is told to people, and kept in the result. */
export function originText(origin: EventOrigin): string {
  return origin.kind === "file"
    ? `real events of ${origin.path.split("/").at(-1)}`
    : "simulated shop, seed 42 (no ../shared/data/globo.events.jsonl.gz here)";
}

/** Segment names of the bench's map. */
export function segmentNames(segments: number): string[] {
  return Array.from({ length: segments }, (_, i) => `segment-${i}`);
}

/** An endless stream of events, the same ones each time. */
export class EventStream {
  readonly #events: AsyncGenerator<SentEvent, void, undefined>;
  readonly #options: EventOptions;
  readonly #seen = new Set<string>();
  readonly #random = seededRandom(SEED);
  #count = 0;
  #held: SentEvent[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(origin: EventOrigin, options: EventOptions) {
    this.#events = origin.kind === "file" ? laps(origin.path) : simulated(options.users);
    this.#options = options;
  }

  /** The next events. Every tenth new user is a member: an `identify` event comes before his first event. */
  take(count: number): Promise<SentEvent[]> {
    const taken = this.#last.then(() => this.#take(count)); // In turn: several may ask at once.
    this.#last = taken.catch(() => {});
    return taken;
  }

  async #take(count: number): Promise<SentEvent[]> {
    const taken = this.#held.splice(0, count);
    while (taken.length < count) {
      const next = await this.#events.next();
      if (next.done === true) throw new Error("the stream of events has ended");
      this.#push(this.#spread(next.value), taken);
    }
    this.#held.unshift(...taken.splice(count));
    return taken;
  }

  /** Passes over events that were used before. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 10_000) await this.take(Math.min(left, 10_000));
  }

  async close(): Promise<void> {
    await this.#events.return();
  }

  #push(event: SentEvent, into: SentEvent[]): void {
    if (!this.#seen.has(event.user)) {
      this.#seen.add(event.user);
      if (hash32(event.user, SEED) % MEMBERS_EVERY === 0) into.push(this.#identify(event));
    }
    into.push(event);
  }

  #identify({ id, user, ts, item, type }: SentEvent): SentEvent {
    const segment = `segment-${hash32(item ?? type, SEED) % this.#options.segments}`;
    return { id: `identify-${id}`, user, ts, type: "identify", segments: { [BENCH_MAP]: segment } };
  }

  #spread(event: SentEvent): SentEvent {
    const { users, name = "" } = this.#options;
    if (users === undefined) return name === "" ? event : { ...event, id: `${name}${event.id}` };
    const index = this.#count++;
    const user = index < users ? index : Math.floor(this.#random() * users);
    return { ...event, id: `${name}${event.id}`, user: `${name}u${user}` };
  }
}

/** A file's events, again and again: later and under other ids each time. */
async function* laps(path: string): AsyncGenerator<SentEvent, void, undefined> {
  for (let lap = 0, shiftMs = 0; ; lap++) {
    let firstMs: number | undefined;
    let lastMs = 0;
    for await (const line of await readEventsFile(path)) {
      if (line.kind === "bad") continue;
      const event = line.value as SentEvent;
      firstMs ??= event.ts;
      lastMs = event.ts;
      yield lap === 0 ? event : { ...event, id: `${event.id}~${lap}`, ts: event.ts + shiftMs };
    }
    if (firstMs === undefined) throw new Error(`${path} holds no events`);
    shiftMs += lastMs - firstMs + LAP_GAP_MS;
  }
}

async function* simulated(visitors = SIMULATED_VISITORS): AsyncGenerator<SentEvent, void, undefined> {
  const shop = shopSimulator({ seed: SEED, visitors, startMs: SIMULATED_START_MS, memberShare: 0 });
  for (;;) yield toWire(shop.next()) as SentEvent;
}
