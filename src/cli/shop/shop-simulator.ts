import type { Event } from "../../events/event.ts";
import { assert } from "../../kernel/assert.ts";
import { gaussian, type Random, seededRandom } from "../../kernel/random.ts";
import type { SegmentDefinitions } from "../../resonance/segment-map.ts";
import { type Catalogue, type CatalogueOptions, drawCatalogue, type Item } from "./catalogue.ts";
import { type ShopperBehaviour, shopperBehaviour } from "./shopper-behaviour.ts";
import { type Action, DEVICES, REFERRERS, SHOPPER_SEGMENTS } from "./shopper-segments.ts";
import { VisitorQueue } from "./visitor-queue.ts";
import { weightedChoice } from "./weighted-choice.ts";

/** What a caller may choose. */
export type ShopOptions = Readonly<{
  /** The same options give the same events, byte for byte. */
  seed: number;
  /** Number of visitors, at least 1; about 150 bytes each. */
  visitors: number;
  /** Event time of the first moment, epoch ms. The caller paces; the simulator reads no clock. */
  startMs: number;
  /** Share of visitors that sign in and are labelled, in [0, 1]; 0.3 by default. */
  memberShare?: number;
  catalogue?: CatalogueOptions;
}>;

/** A shop full of visitors whose segments are known, so that what the engine says can be measured. */
export interface ShopSimulator {
  /** The next event of any visitor; never ends, and `tsMs` never falls. */
  next(): Event;
  /** A visitor's segment at this moment of event time; it changes for those who drift. */
  truthOf(user: string): string;
  /** Whether the visitor signs in and carries a label. */
  isMember(user: string): boolean;
  /** The content of the segments file: one map, `shopper`. */
  readonly definitions: SegmentDefinitions;
}

/** The map that the simulated members are labelled in. */
export const SHOPPER_MAP = "shopper";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A pause inside a session is never longer: after half an hour, analytics counts a new session. */
const PAUSE_MS_MAX = 20 * MINUTE_MS;
/** Share of sessions in which people act as another kind of shopper: everybody hunts a bargain at times. */
const OTHER_MODE = 0.06;
/** One visitor in six is torn between two kinds and acts as the other in this share of sessions. */
const TORN = 1 / 6;
const TORN_OTHER_MODE = 0.4;
/** Share of actions that mean nothing: a slip of the finger, a robot, a child. */
const NOISE = 0.07;
/** Share of visitors who may turn into another segment, and their chance to do so before a session. */
const DRIFTERS = 0.15;
const DRIFT = 0.06;

/** Opens a simulated shop. Pure: all chance comes from the seed. */
export function shopSimulator(options: ShopOptions): ShopSimulator {
  return new Shop(options);
}

/** Columns by visitor; -1 stands for "none" in the signed ones. */
type Visitors = Readonly<{
  segment: Uint8Array;
  /** The kind of shopper that they are at other times. */
  otherSegment: Uint8Array;
  member: Uint8Array;
  drifter: Uint8Array;
  /** Chance to act as the other segment in a session. */
  otherMode: Float32Array;
  /** The member's label is to be sent at the next event. */
  labelDue: Uint8Array;
  /** Factor on the rate of sessions: a few come all the time, most seldom. */
  eagerness: Float32Array;
  device: Uint8Array;
  referrer: Uint8Array;
  favouriteShelf: Int16Array;
  /** Segment whose habits this session follows. */
  mode: Uint8Array;
  actionsLeft: Int16Array;
  shelf: Int16Array;
  /** Index of the item last looked at, and of the one last put into the basket. */
  seen: Int32Array;
  basketItem: Int32Array;
  basketValue: Float64Array;
}>;

class Shop implements ShopSimulator {
  readonly definitions = shopperDefinitions();
  readonly #random: Random;
  readonly #seed: number;
  readonly #catalogue: Catalogue;
  readonly #behaviours: readonly ShopperBehaviour[];
  /** Index of a shelf's first item in the catalogue's list. */
  readonly #shelfStart: readonly number[];
  readonly #visitors: Visitors;
  readonly #queue: VisitorQueue;
  #events = 0;

  constructor(options: ShopOptions) {
    assert(Number.isSafeInteger(options.visitors) && options.visitors > 0, "a shop has visitors");
    this.#seed = options.seed;
    this.#random = seededRandom(options.seed);
    this.#catalogue = drawCatalogue(options.catalogue ?? {}, this.#random);
    this.#behaviours = SHOPPER_SEGMENTS.map((segment) => shopperBehaviour(segment, this.#catalogue));
    let start = 0;
    this.#shelfStart = this.#catalogue.shelves.map((shelf) => {
      start += shelf.items.length;
      return start - shelf.items.length;
    });
    this.#visitors = this.#drawVisitors(options.visitors, options.memberShare ?? 0.3);
    const dueMs = new Float64Array(options.visitors);
    for (let visitor = 0; visitor < options.visitors; visitor++) {
      dueMs[visitor] = this.#nextSessionMs(visitor, options.startMs);
    }
    this.#queue = new VisitorQueue(dueMs);
  }

  next(): Event {
    const visitor = this.#queue.first;
    const tsMs = this.#queue.firstMs;
    const opens = at(this.#visitors.actionsLeft, visitor) === 0;
    if (opens) this.#startSession(visitor);
    const event =
      at(this.#visitors.labelDue, visitor) === 1 ? this.#identify(visitor, tsMs) : this.#act(visitor, tsMs);
    const left = at(this.#visitors.actionsLeft, visitor) - 1;
    this.#visitors.actionsLeft[visitor] = left;
    this.#queue.postponeFirst(left > 0 ? tsMs + this.#pauseMs(visitor) : this.#nextSessionMs(visitor, tsMs));
    return event;
  }

  truthOf(user: string): string {
    return segmentAt(at(this.#visitors.segment, this.#indexOf(user))).name;
  }

  isMember(user: string): boolean {
    return at(this.#visitors.member, this.#indexOf(user)) === 1;
  }

  #indexOf(user: string): number {
    const index = Number(user.slice(USER_PREFIX.length)) - 1;
    assert(user === userName(index) && index < this.#visitors.segment.length, "a visitor of this shop");
    return index;
  }

  #drawVisitors(count: number, memberShare: number): Visitors {
    const random = this.#random;
    const chooseSegment = weightedChoice(SHOPPER_SEGMENTS.map((segment) => segment.share));
    const visitors = emptyVisitors(count);
    for (let visitor = 0; visitor < count; visitor++) {
      const segment = chooseSegment(random);
      visitors.segment[visitor] = segment;
      visitors.otherSegment[visitor] = chooseSegment(random);
      visitors.member[visitor] = random() < memberShare ? 1 : 0;
      visitors.drifter[visitor] = random() < DRIFTERS ? 1 : 0;
      visitors.otherMode[visitor] = random() < TORN ? TORN_OTHER_MODE : OTHER_MODE;
      visitors.labelDue[visitor] = at(visitors.member, visitor);
      visitors.eagerness[visitor] = Math.exp(0.7 * gaussian(random));
      visitors.device[visitor] = this.#behaviour(segment).device(random);
      // Half of the personal tastes have nothing to do with the segment.
      visitors.favouriteShelf[visitor] = this.#behaviour(
        random() < 0.5 ? segment : chooseSegment(random),
      ).shelf(random);
    }
    return visitors;
  }

  #startSession(visitor: number): void {
    const v = this.#visitors;
    if (at(v.drifter, visitor) === 1 && this.#random() < DRIFT) this.#drift(visitor);
    const mode =
      this.#random() < at(v.otherMode, visitor) ? at(v.otherSegment, visitor) : at(v.segment, visitor);
    v.mode[visitor] = mode;
    const behaviour = this.#behaviour(mode);
    v.referrer[visitor] = behaviour.referrer(this.#random);
    // One in six takes another device than usual.
    if (this.#random() < 1 / 6) v.device[visitor] = behaviour.device(this.#random);
    v.actionsLeft[visitor] = this.#drawActions(segmentAt(mode).actionsMean);
    v.shelf[visitor] = -1;
    v.seen[visitor] = -1;
  }

  /** One action and two geometric numbers: short visits are common, long ones happen, the mean is as wanted. */
  #drawActions(mean: number): number {
    const logStay = Math.log(1 - 2 / (mean + 1));
    const geometric = () => Math.floor(Math.log(1 - this.#random()) / logStay);
    return 1 + Math.min(500, geometric() + geometric());
  }

  /** Becomes another kind of shopper; the old kind shows through in some sessions from now on. */
  #drift(visitor: number): void {
    const v = this.#visitors;
    const from = at(v.segment, visitor);
    const targets = segmentAt(from).becomes;
    const target = targets[Math.floor(this.#random() * targets.length)];
    v.otherSegment[visitor] = from;
    v.segment[visitor] = SHOPPER_SEGMENTS.findIndex((segment) => segment.name === target);
    v.labelDue[visitor] = at(v.member, visitor);
  }

  #identify(visitor: number, tsMs: number): Event {
    this.#visitors.labelDue[visitor] = 0;
    const segment = segmentAt(at(this.#visitors.segment, visitor)).name;
    return { ...this.#plain(visitor, tsMs, "identify"), segments: { [SHOPPER_MAP]: segment } };
  }

  #act(visitor: number, tsMs: number): Event {
    if (this.#random() < NOISE) {
      const item = this.#catalogue.items[Math.floor(this.#random() * this.#catalogue.items.length)];
      return this.#about(item, visitor, tsMs, "click");
    }
    const v = this.#visitors;
    const action = this.#possible(this.#behaviour(at(v.mode, visitor)).action(this.#random), visitor);
    switch (action) {
      case "view":
        v.seen[visitor] = this.#pickItem(visitor);
        return this.#about(this.#item(at(v.seen, visitor)), visitor, tsMs, action);
      case "search":
        return this.#search(visitor, tsMs);
      case "purchase":
        return this.#purchase(visitor, tsMs);
      case "add_to_cart":
        v.basketItem[visitor] = at(v.seen, visitor);
        v.basketValue[visitor] = at(v.basketValue, visitor) + (this.#item(at(v.seen, visitor))?.price ?? 0);
        return this.#priced(visitor, tsMs, action);
      case "rate": {
        const stars = 1 + Math.min(4, Math.floor(5 * Math.sqrt(this.#random()))); // Most stars are many.
        return { ...this.#about(this.#item(at(v.seen, visitor)), visitor, tsMs, action), value: stars };
      }
      case "share": {
        const peer = userName(Math.floor(this.#random() * v.segment.length));
        return { ...this.#about(this.#item(at(v.seen, visitor)), visitor, tsMs, action), peer };
      }
      default:
        return this.#about(this.#item(at(v.seen, visitor)), visitor, tsMs, action);
    }
  }

  /** Nobody pays for an empty basket, nor clicks on what they have not seen: they look around instead. */
  #possible(action: Action, visitor: number): Action {
    if (action === "purchase") return at(this.#visitors.basketItem, visitor) >= 0 ? action : "view";
    if (action === "view" || action === "search") return action;
    return at(this.#visitors.seen, visitor) >= 0 ? action : "view";
  }

  /** People stay on a shelf for a while, go back to their favourite one, or follow their taste to another. */
  #pickItem(visitor: number): number {
    const v = this.#visitors;
    const behaviour = this.#behaviour(at(v.mode, visitor));
    let shelf = at(v.shelf, visitor);
    if (shelf < 0 || this.#random() < 0.45) shelf = this.#pickShelf(visitor);
    v.shelf[visitor] = shelf;
    return (this.#shelfStart[shelf] ?? 0) + behaviour.itemOf(shelf, this.#random);
  }

  #pickShelf(visitor: number): number {
    if (this.#random() < 0.25) return at(this.#visitors.favouriteShelf, visitor);
    return this.#behaviour(at(this.#visitors.mode, visitor)).shelf(this.#random);
  }

  /** A search is for something on a shelf; what follows is found there. */
  #search(visitor: number, tsMs: number): Event {
    const shelf = this.#pickShelf(visitor);
    this.#visitors.shelf[visitor] = shelf;
    const words = [this.#oneOf(this.#catalogue.shelves[shelf]?.words ?? [])];
    if (this.#random() < 0.5) words.push(this.#oneOf(segmentAt(at(this.#visitors.mode, visitor)).words));
    if (this.#random() < 0.3) words.unshift(this.#oneOf(ANYBODYS_WORDS));
    return { ...this.#plain(visitor, tsMs, "search"), query: words.join(" ") };
  }

  #purchase(visitor: number, tsMs: number): Event {
    const v = this.#visitors;
    const event = {
      ...this.#about(this.#item(at(v.basketItem, visitor)), visitor, tsMs, "purchase"),
      value: Math.round(at(v.basketValue, visitor) * 100) / 100,
      currency: "EUR",
    };
    v.basketItem[visitor] = -1;
    v.basketValue[visitor] = 0;
    return event;
  }

  #priced(visitor: number, tsMs: number, type: Action): Event {
    const item = this.#item(at(this.#visitors.seen, visitor));
    return { ...this.#about(item, visitor, tsMs, type), value: item?.price ?? 0, currency: "EUR" };
  }

  #about(item: Item | undefined, visitor: number, tsMs: number, type: Action): Event {
    const event = this.#plain(visitor, tsMs, type);
    return item === undefined ? event : { ...event, item: item.id, categories: item.categories };
  }

  #plain(visitor: number, tsMs: number, type: Action | "identify"): Event {
    const context = contextAt(at(this.#visitors.referrer, visitor), at(this.#visitors.device, visitor));
    return { id: `shop-${this.#seed}-${this.#events++}`, user: userName(visitor), type, tsMs, context };
  }

  #pauseMs(visitor: number): number {
    const median = segmentAt(at(this.#visitors.mode, visitor)).pauseMedianMs;
    // One in five comes in a burst: opening three tabs, paging through pictures.
    const scale = this.#random() < 0.2 ? 0.15 : 1;
    const pause = scale * median * Math.exp(0.8 * gaussian(this.#random));
    return Math.max(150, Math.min(PAUSE_MS_MAX, Math.round(pause)));
  }

  #nextSessionMs(visitor: number, afterMs: number): number {
    const behaviour = this.#behaviour(at(this.#visitors.segment, visitor));
    const meanMs = behaviour.attemptMeanMs / at(this.#visitors.eagerness, visitor);
    let tsMs = afterMs;
    do tsMs += Math.ceil(-meanMs * Math.log(1 - this.#random()));
    while (this.#random() >= behaviour.readiness(tsMs));
    return tsMs;
  }

  #behaviour(segment: number): ShopperBehaviour {
    const behaviour = this.#behaviours[segment];
    assert(behaviour !== undefined, "a segment of the shop");
    return behaviour;
  }

  #item(index: number): Item | undefined {
    return this.#catalogue.items[index];
  }

  #oneOf(words: readonly string[]): string {
    return words[Math.floor(this.#random() * words.length)] ?? "";
  }
}

const USER_PREFIX = "visitor-";
const ANYBODYS_WORDS = ["blue", "black", "small", "for women", "for men", "set", "2 pack", "quality"];

function userName(index: number): string {
  return `${USER_PREFIX}${index + 1}`;
}

function segmentAt(index: number) {
  const segment = SHOPPER_SEGMENTS[index];
  assert(segment !== undefined, "a segment of the shop");
  return segment;
}

/** Every pair of referrer and device once: events share the objects. */
const CONTEXTS = REFERRERS.map((referrer) => DEVICES.map((device) => Object.freeze({ referrer, device })));

function contextAt(referrer: number, device: number): Readonly<Record<string, string>> {
  return CONTEXTS[referrer]?.[device] ?? {};
}

/** A number out of a column; 0 past its end, which no visitor is. */
function at(column: ArrayLike<number>, index: number): number {
  return column[index] ?? 0;
}

function emptyVisitors(count: number): Visitors {
  return {
    segment: new Uint8Array(count),
    otherSegment: new Uint8Array(count),
    member: new Uint8Array(count),
    drifter: new Uint8Array(count),
    otherMode: new Float32Array(count),
    labelDue: new Uint8Array(count),
    eagerness: new Float32Array(count),
    device: new Uint8Array(count),
    referrer: new Uint8Array(count),
    favouriteShelf: new Int16Array(count),
    mode: new Uint8Array(count),
    actionsLeft: new Int16Array(count),
    shelf: new Int16Array(count),
    seen: new Int32Array(count).fill(-1),
    basketItem: new Int32Array(count).fill(-1),
    basketValue: new Float64Array(count),
  };
}

function shopperDefinitions(): SegmentDefinitions {
  return {
    version: 1,
    maps: [
      {
        name: SHOPPER_MAP,
        mode: "exclusive",
        segments: SHOPPER_SEGMENTS.map((segment) => ({ name: segment.name })),
        // Two weeks in quarters of a day: long enough for rare visitors, short enough to follow a drift.
        window: { bucketMs: 6 * HOUR_MS, buckets: 56 },
        threshold: { enter: 0.6, minEvidence: 3 },
      },
    ],
  };
}
