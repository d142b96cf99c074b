import { expect, test } from "vitest";
import { shopSimulator } from "../../../src/cli/shop/shop-simulator.ts";
import { SHOPPER_SEGMENTS } from "../../../src/cli/shop/shopper-segments.ts";
import { toWire, type WireEvent } from "../../../src/cli/shop/wire-event.ts";
import type { Event } from "../../../src/events/event.ts";
import { KNOWN_TYPES } from "../../../src/events/event.ts";

const START_MS = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;

function aShop(given: { seed?: number; visitors?: number; memberShare?: number } = {}) {
  return shopSimulator({ seed: 7, visitors: 500, startMs: START_MS, ...given });
}

function take(shop: { next(): Event }, count: number): Event[] {
  return Array.from({ length: count }, () => shop.next());
}

test("the same seed gives the same events, and another seed gives others", () => {
  const events = JSON.stringify(take(aShop(), 2_000));
  expect(JSON.stringify(take(aShop(), 2_000))).toBe(events);
  expect(JSON.stringify(take(aShop({ seed: 8 }), 2_000))).not.toBe(events);
});

test("events come in the order of event time, from the start on, in whole milliseconds", () => {
  const times = take(aShop(), 20_000).map((event) => event.tsMs);
  expect(times[0]).toBeGreaterThanOrEqual(START_MS);
  expect(times.every((ms, i) => Number.isSafeInteger(ms) && ms >= (times[i - 1] ?? START_MS))).toBe(true);
});

test("no event id comes twice", () => {
  expect(new Set(take(aShop(), 20_000).map((event) => event.id)).size).toBe(20_000);
});

test("each event keeps to the limits of the public contract", () => {
  const broken = take(aShop(), 20_000).map(toWire).flatMap(faultsOf);
  expect(broken).toEqual([]);
});

test("on the wire the time is `ts`, and the rest is as it was", () => {
  const event = take(aShop(), 1)[0] as Event;
  const { tsMs, ...rest } = event;
  expect(JSON.parse(JSON.stringify(toWire(event)))).toEqual({ ...rest, ts: tsMs });
});

test("visitors fall into the segments by their shares", () => {
  const shop = aShop({ visitors: 20_000 });
  const names = Array.from({ length: 20_000 }, (_, index) => shop.truthOf(`visitor-${index + 1}`));
  for (const segment of SHOPPER_SEGMENTS) {
    const share = names.filter((name) => name === segment.name).length / names.length;
    expect(Math.abs(share - segment.share)).toBeLessThan(0.015);
  }
  expect(SHOPPER_SEGMENTS.reduce((sum, segment) => sum + segment.share, 0)).toBeCloseTo(1, 12);
});

test("about three visitors in ten are members", () => {
  const shop = aShop({ visitors: 10_000 });
  const members = Array.from({ length: 10_000 }, (_, index) => shop.isMember(`visitor-${index + 1}`));
  const share = members.filter(Boolean).length / members.length;
  expect(share).toBeGreaterThan(0.28);
  expect(share).toBeLessThan(0.32);
});

test("a member's first event carries the label, and an anonymous visitor never does", () => {
  const shop = aShop();
  const seen = new Set<string>();
  for (let count = 0; count < 30_000; count++) {
    const event = shop.next();
    const first = !seen.has(event.user);
    seen.add(event.user);
    if (first && shop.isMember(event.user)) {
      expect(event.type).toBe("identify");
      expect(event.segments).toEqual({ shopper: shop.truthOf(event.user) });
    }
    if (event.segments !== undefined) expect(shop.isMember(event.user)).toBe(true);
  }
});

test("a member's last label is always the truth, also after a drift, and some do drift", () => {
  const shop = aShop();
  const labels = new Map<string, string | null | undefined>();
  let relabelled = 0;
  for (let count = 0; count < 100_000; count++) {
    const event = shop.next();
    if (event.segments !== undefined) {
      if (labels.has(event.user)) relabelled++;
      labels.set(event.user, event.segments["shopper"]);
    }
    if (labels.has(event.user) && labels.get(event.user) !== shop.truthOf(event.user)) {
      expect.fail(`${event.user} is labelled ${labels.get(event.user)} and is ${shop.truthOf(event.user)}`);
    }
  }
  expect(relabelled).toBeGreaterThan(5);
});

test("everybody views, and nobody's first act is to pay", () => {
  const shop = aShop({ memberShare: 0 });
  const basket = new Set<string>();
  for (const event of take(shop, 50_000)) {
    if (event.type === "add_to_cart") basket.add(event.user);
    if (event.type === "purchase") expect(basket.delete(event.user)).toBe(true);
  }
});

test("the popularity of items falls steeply: the first tenth gets more than a third of the views", () => {
  const views = new Map<string, number>();
  let all = 0;
  for (const event of take(aShop(), 50_000)) {
    if (event.type !== "view" || event.item === undefined) continue;
    views.set(event.item, (views.get(event.item) ?? 0) + 1);
    all++;
  }
  const sorted = [...views.values()].toSorted((a, b) => b - a);
  const head = sorted.slice(0, 240).reduce((sum, count) => sum + count, 0);
  expect(head / all).toBeGreaterThan(1 / 3);
});

test("nights are quiet and sessions come in bursts", () => {
  const byHour = new Array<number>(24).fill(0);
  const last = new Map<string, number>();
  const gaps: number[] = [];
  for (const event of take(aShop(), 50_000)) {
    const hour = Math.floor((event.tsMs % DAY_MS) / 3_600_000);
    byHour[hour] = (byHour[hour] ?? 0) + 1;
    gaps.push(event.tsMs - (last.get(event.user) ?? event.tsMs));
    last.set(event.user, event.tsMs);
  }
  expect((byHour[3] ?? 0) * 3).toBeLessThan(byHour[20] ?? 0);
  const sorted = gaps.toSorted((a, b) => a - b);
  expect(sorted[25_000]).toBeLessThan(60_000); // Half of all gaps are pauses inside a session,
  expect(sorted[49_000]).toBeGreaterThan(3_600_000); // and the longest are hours.
});

test("behaviour tells the segment after one session, but never quite", () => {
  const accuracy = accuracyAfterOneSession({ visitors: 4_000, events: 250_000 });
  expect(accuracy).toBeGreaterThan(0.6);
  expect(accuracy).toBeLessThan(0.85);
});

test("the segments file names every segment of the simulated map", () => {
  const [map] = aShop().definitions.maps;
  expect(map?.name).toBe("shopper");
  expect(map?.segments.map((segment) => segment.name)).toEqual(SHOPPER_SEGMENTS.map(({ name }) => name));
});

test("who was never in the shop is refused", () => {
  expect(() => aShop().truthOf("visitor-501")).toThrow("a visitor of this shop");
  expect(() => aShop().isMember("ada")).toThrow("a visitor of this shop");
});

/** What is wrong with an event by DESIGN's limits. */
function faultsOf(event: WireEvent): string[] {
  const short = (text: string) => text.length > 0 && Buffer.byteLength(text) <= 1_024;
  const id = (text: string) => /^[\x21-\x7e]{1,128}$/.test(text);
  const checks: Record<string, boolean> = {
    id: id(event.id),
    user: id(event.user),
    type: event.type === "identify" || (KNOWN_TYPES as readonly string[]).includes(event.type),
    size: Buffer.byteLength(JSON.stringify(event)) <= 16_384,
    item: event.item === undefined || id(event.item),
    categories: (event.categories ?? []).length <= 32 && (event.categories ?? []).every(short),
    query: event.query === undefined || short(event.query),
    value: event.value === undefined || (Number.isFinite(event.value) && event.value >= 0),
    currency: event.currency === undefined || /^[A-Z]{3}$/.test(event.currency),
    peer: event.peer === undefined || id(event.peer),
    context: Object.values(event.context ?? {}).every(short),
  };
  return Object.entries(checks).flatMap(([name, good]) =>
    good ? [] : [`${name}: ${JSON.stringify(event)}`],
  );
}

/**
 * Multinomial naive Bayes over types, categories, items, query words and context, trained on four visitors in
 * five and asked about the others: a floor for what a trained encoder can tell.
 */
function accuracyAfterOneSession(given: { visitors: number; events: number }): number {
  const shop = aShop({ seed: 3, visitors: given.visitors });
  const visitors = new Map<string, { all: Set<string>; first: Set<string>; endMs: number; truth: string }>();
  for (const event of take(shop, given.events)) {
    const { user, tsMs } = event;
    const visitor = visitors.get(user) ?? {
      all: new Set(),
      first: new Set(),
      endMs: tsMs,
      truth: shop.truthOf(user),
    };
    visitors.set(user, visitor);
    if (event.type === "identify") continue;
    const inFirst = tsMs <= visitor.endMs + 1_800_000;
    if (inFirst) visitor.endMs = tsMs;
    for (const word of wordsOf(event)) {
      visitor.all.add(word);
      if (inFirst) visitor.first.add(word);
    }
  }
  const members = [...visitors.values()];
  const masked = members.splice(0, Math.floor(members.length / 5));
  const classes = SHOPPER_SEGMENTS.map(({ name }) => {
    const own = members.filter(({ truth }) => truth === name);
    const counts = new Map<string, number>();
    for (const { all } of own) for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
    const sum = [...counts.values()].reduce((a, b) => a + b, 0);
    const logChance = (word: string) => Math.log(((counts.get(word) ?? 0) + 0.5) / (sum + 1_000));
    return { name, prior: Math.log(own.length / members.length), logChance };
  });
  const guess = (words: Set<string>) =>
    classes
      .map(({ name, prior, logChance }) => ({
        name,
        score: [...words].reduce((s, w) => s + logChance(w), prior),
      }))
      .reduce((best, other) => (other.score > best.score ? other : best)).name;
  return masked.filter(({ first, truth }) => guess(first) === truth).length / masked.length;
}

function wordsOf(event: Event): string[] {
  const query = event.query?.split(" ") ?? [];
  const item = event.item === undefined ? [] : [event.item];
  return [event.type, ...item, ...(event.categories ?? []), ...query, ...Object.values(event.context ?? {})];
}
