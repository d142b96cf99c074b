import { bench } from "vitest";
import { type ContentType, decodeRequest, encodeReply } from "../../src/events/decode-request.ts";
import type { Event } from "../../src/events/event.ts";
import { LIMITS } from "../../src/events/limits.ts";
import { decodeEntries, encodeBehaviours } from "../../src/events/log-codec.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import { DEFAULT_CONSENT } from "../../src/gateway/consent-policy.ts";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { toBehaviour } from "../../src/gateway/to-behaviour.ts";
import { assert } from "../../src/kernel/assert.ts";
import { seededRandom } from "../../src/kernel/random.ts";

const CONTEXTS = new ContextReader();

/** Full scale: BENCH_SCALE=full. Each iteration handles so many batches of a thousand events. */
const isFull = process.env["BENCH_SCALE"] === "full";
const BATCHES = isFull ? 100 : 1;
const EVENTS = BATCHES * LIMITS.requestEvents;
const NOW_MS = 1_767_225_600_000;
const options = isFull
  ? { iterations: 10, time: 0, warmupIterations: 2, warmupTime: 0 }
  : { iterations: 5, time: 50 };

const random = seededRandom(42);
const batches = Array.from({ length: BATCHES }, (_, batch) => ({
  events: Array.from({ length: LIMITS.requestEvents }, (_, i) => anEvent(batch * LIMITS.requestEvents + i)),
}));
const inputs: readonly unknown[] = batches.flatMap(({ events }) => events);
const events = inputs.map(parsed);
const behaviours = events.map(reduced);
const bundles = encodeBehaviours(behaviours).map(({ data }) => data);
const storedBytes = bundles.reduce((sum, data) => sum + data.length, 0);

for (const type of ["application/json", "application/msgpack"] as const) {
  const requests = batches.map((batch) => encodeReply(batch, type).slice());
  bench(
    `take ${EVENTS} events as ${type}: decode the request, parse, reduce, encode`,
    () => {
      let bytes = 0;
      for (const request of requests) {
        const taken = eventsIn(request, type).map((input) => reduced(parsed(input)));
        for (const { data } of encodeBehaviours(taken)) bytes += data.length;
      }
      assert(bytes === storedBytes, "the bench still computes what it did");
    },
    options,
  );
  bench(
    `decode requests of ${EVENTS} events, ${type}`,
    () => {
      let count = 0;
      for (const request of requests) count += eventsIn(request, type).length;
      assert(count === EVENTS, "the bench still computes what it did");
    },
    options,
  );
}

bench(
  `parse ${EVENTS} events`,
  () => {
    let latestMs = 0;
    for (const input of inputs) latestMs = Math.max(latestMs, parsed(input).tsMs);
    assert(latestMs === NOW_MS, "the bench still computes what it did");
  },
  options,
);

bench(
  `reduce ${EVENTS} events to behaviours`,
  () => {
    let cells = 0;
    for (const event of events) cells += reduced(event).cell === undefined ? 0 : 1;
    assert(cells === EVENTS / 10, "the bench still computes what it did");
  },
  options,
);

bench(
  `encode ${EVENTS} behaviours`,
  () => {
    let bytes = 0;
    for (const { data } of encodeBehaviours(behaviours)) bytes += data.length;
    assert(bytes === storedBytes, "the bench still computes what it did");
  },
  options,
);

bench(
  `decode ${EVENTS} behaviours`,
  () => {
    let views = 0;
    for (const data of bundles)
      for (const entry of decodeEntries(data)) views += entry.kind === "behaviour" ? 1 : 0;
    assert(views === EVENTS, "the bench still computes what it did");
  },
  options,
);

function eventsIn(request: Uint8Array, type: ContentType): readonly unknown[] {
  const decoded = decodeRequest(request, type);
  assert(decoded.kind === "value", "the request is valid");
  return (decoded.value as { events: readonly unknown[] }).events;
}

function parsed(input: unknown): Event {
  const outcome = parseEvent(input, NOW_MS);
  assert(outcome.kind === "event", "the event is valid");
  return outcome.event;
}

function reduced(event: Event): Behaviour {
  const behaviour = toBehaviour(event, DEFAULT_CONSENT, () => undefined, CONTEXTS);
  assert(behaviour !== undefined, "the event may be stored");
  return behaviour;
}

/** A shop's event: a search in five has words, one in ten a place, one in four traits. */
function anEvent(index: number): Record<string, unknown> {
  return {
    id: `7f3a9c-${index}`,
    user: `user-${Math.floor(random() * 10_000)}`,
    type: index % 5 === 0 ? "search" : "view",
    ts: NOW_MS - index,
    item: `sku-${Math.floor(random() * 50_000)}`,
    categories: ["shoes", `brand-${index % 100}`],
    context: { referrer: "newsletter", device: "mobile" },
    ...(index % 5 === 0 ? { query: "red running shoes for women" } : {}),
    ...(index % 10 === 0 ? { location: { lat: 48.1, lon: 11.6 }, consent: { location: true } } : {}),
    ...(index % 4 === 0 ? { traits: { orders: index % 9, city: "Zürich" } } : {}),
  };
}
